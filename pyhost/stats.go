package pyhost

import (
	"context"
	"sync/atomic"
)

// Stats are figures of a runtime. They are read one after the other, so under load they need not
// agree to the last call.
type Stats struct {
	Calls        uint64 // entries so far: Exec, Eval, Call, Do, Acquire
	Inside       int    // goroutines inside now
	Waiting      int    // goroutines at the gate now
	LeftQueue    uint64 // entries given up at the gate because the context ended
	Abandoned    uint64 // calls abandoned so far
	StillRunning int    // abandoned calls that have not ended yet
	ThreadStates int    // OS threads that have been inside and still exist
	Views        int    // Views that are not released

	// Wait is the time from asking to holding the GIL, of the calls that met others at the gate.
	// Hold is the time from then to the end of the call, of those and of one in 64 of the rest.
	Wait, Hold Histogram

	MemoryBytes  int64 // what the interpreter holds of the system's memory (GIL builds)
	MemoryBlocks int64 // sys.getallocatedblocks(), when Stats last found nobody inside
}

const sampleEvery = 64

type counters struct {
	wait, hold histogram
	left       atomic.Uint64
	abandoned  atomic.Uint64
	blocks     atomic.Int64
}

// ran notes the times of a call that has left, if it took them.
func (s *counters) ran(c *call) {
	at := c.frame.Attached()
	if at == 0 {
		return
	}
	if c.pass.waited {
		s.wait.add(at - c.pass.from)
	}
	s.hold.add(c.frame.Left() - at)
}

// Stats gives the figures of the moment. It asks Python for its blocks only if nobody is inside, so
// it does not wait for calls under way.
func (rt *Runtime) Stats() Stats {
	calls, inside, waiting := rt.gate.counts()
	var blocks int64
	if inside == 0 && rt.Call(context.Background(), "sys.getallocatedblocks", &blocks) == nil {
		rt.stats.blocks.Store(blocks)
	}
	return Stats{
		Calls: calls - rt.tidier.calls.Load(), Inside: inside, Waiting: waiting,
		LeftQueue:    rt.stats.left.Load(),
		Abandoned:    rt.stats.abandoned.Load(),
		StillRunning: int(rt.abandons.Load()),
		ThreadStates: rt.in.ThreadStates(),
		Views:        rt.in.Views(),
		Wait:         rt.stats.wait.snapshot(),
		Hold:         rt.stats.hold.snapshot(),
		MemoryBytes:  max(0, rt.in.MemoryUsed()),
		MemoryBlocks: rt.stats.blocks.Load(),
	}
}
