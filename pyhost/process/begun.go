//go:build linux

package process

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The worker notes the calls that it runs in memory that outlives it: those that a dying worker had
// not begun are made again on the next, and are none the worse for it. Behind the notes, in the
// same memfd, are the journal and what faulthandler wrote.
const (
	begunSlots = 4096 // calls that run, or whose results are not on the socket yet
	begunBytes = begunSlots * 8
)

// begun are the notes: numbers of calls, 0 where there is none.
type begun struct {
	slots *[begunSlots]atomic.Uint64
	mu    sync.Mutex
	free  []uint16 // of the worker; guarded by mu
}

// newBegun makes the memory.
func newBegun() (*os.File, error) {
	f, err := memfd("pyhost crash", 0)
	if err != nil {
		return nil, err
	}
	if err = f.Truncate(crashBytes); err == nil {
		_, err = f.Seek(crashBytes, 0) // where faulthandler writes: the worker has the same file
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// mapBegun is for the worker.
func mapBegun(fd int) (*begun, *journal, error) {
	mem, err := unix.Mmap(fd, 0, crashBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	b := &begun{slots: (*[begunSlots]atomic.Uint64)(unsafe.Pointer(&mem[0]))}
	for i := range begunSlots {
		b.free = append(b.free, uint16(begunSlots-1-i))
	}
	return b, newJournal(mem), nil
}

// note takes down that a call is begun, until forget.
func (b *begun) note(call uint64) (slot uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.free) == 0 { // results wait to be written
		b.mu.Unlock()
		runtime.Gosched()
		b.mu.Lock()
	}
	slot = b.free[len(b.free)-1]
	b.free = b.free[:len(b.free)-1]
	b.slots[slot].Store(call)
	return slot
}

// forget is for when the results are on the socket, where they outlive the worker.
func (b *begun) forget(slots []uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, slot := range slots {
		b.slots[slot].Store(0)
	}
	b.free = append(b.free, slots...)
}

// readBegun gives the notes of a worker that has ended, and what is behind them.
func readBegun(f *os.File) (calls map[uint64]bool, stack []byte) {
	notes := make([]byte, begunBytes)
	n, _ := f.ReadAt(notes, 0)
	calls = map[uint64]bool{}
	for f := (fields{b: notes[:n&^7]}); len(f.b) > 0; {
		if id := f.u64(); id != 0 {
			calls[id] = true
		}
	}
	stack = make([]byte, 64<<10)
	n, _ = f.ReadAt(stack, crashBytes)
	return calls, stack[:n]
}
