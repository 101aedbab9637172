package pyhost

import (
	"context"
	"sync/atomic"
	"time"
)

// tidier is what only free-threaded builds need. There an object belongs to the thread that made
// it: when another lets the last reference go, the object is queued for its owner, which frees it
// the next time that it runs Python code. An OS thread of Go may not come back for hours, and no
// other may attach its state. But a collection stops all threads and frees what is queued for any
// of them. So there is one, soon after calls have ended, and now and then while there are some.
//
// Rejected: to free the thread states of idle threads, for they hold threading.local of the
// program; and to have them run Python code, for Go has no way to wake a certain thread.
type tidier struct {
	gil   atomic.Bool   // an extension module has turned the GIL on, for good
	calls atomic.Uint64 // of its own
}

const (
	tidyIdle = time.Second      // after the last call
	tidyBusy = 10 * time.Second // while there are calls
	tidyCost = 100              // a collection takes this fraction of the time at most
)

// tidy looks after the main interpreter of a free-threaded build until it is closed.
func (rt *Runtime) tidy() {
	tick := time.NewTicker(tidyIdle)
	defer tick.Stop()
	var seen uint64
	rounds, next := 0, time.Now().Add(tidyBusy)
	for {
		select {
		case <-rt.done:
			return
		case <-tick.C:
		}
		calls, inside, _ := rt.gate.counts()
		quiet := calls == seen && inside == 0
		if !quiet {
			rounds = 2 // what the first frees may let go of more
		}
		if rt.gate.closed() {
			return
		}
		start := time.Now()
		collect := rounds > 0 && (quiet || start.After(next))
		if collect {
			rounds--
		}
		if collect || !quiet && !rt.tidier.gil.Load() {
			rt.lookAfter(collect)
		}
		if collect {
			next = start.Add(max(tidyBusy, tidyCost*time.Since(start)))
		}
		seen, _, _ = rt.gate.counts()
	}
}

// lookAfter has Python collect, if it is to, and asks whether there is a GIL now. An error is that
// the runtime closes: what is queued goes then.
func (rt *Runtime) lookAfter(collect bool) {
	rt.tidier.calls.Add(1)
	var on bool
	err := rt.Call(context.Background(), "_pyhost.tidy", &on, collect)
	if err == nil && on {
		rt.tidier.gil.Store(true)
		rt.gate.free.Store(false)
	}
}

// hasGIL tells whether Python code runs under a GIL. It does not wait where others do.
func (rt *Runtime) hasGIL() bool {
	if !rt.python.FreeThreaded {
		return true
	}
	if _, _, waiting := rt.gate.counts(); waiting == 0 && !rt.tidier.gil.Load() {
		rt.lookAfter(false)
	}
	return rt.tidier.gil.Load()
}
