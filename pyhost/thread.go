package pyhost

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// Thread is one goroutine attached to a runtime: it holds the GIL. Only that goroutine may use it,
// and it stays on its OS thread until Release. Others may be used inside.
//
// Go code that waits while it is attached keeps everybody else out of Python: use Detach around it.
type Thread struct {
	rt       *Runtime
	ctx      context.Context
	call     *call  // its frame holds the attachment
	scope    *scope // the innermost, whose objects are made now
	spare    []cgo.Ptr
	slab     []Object // of handles, of which so many are in use
	used     int
	released atomic.Bool
	stop     func() // of the canceller
}

// Do attaches the calling goroutine, runs fn and detaches, whatever fn does. Objects made in fn are
// given back. When ctx ends, Python code that runs in fn is cancelled; Go code in fn is not.
func (rt *Runtime) Do(ctx context.Context, fn func(*Thread) error) error {
	th, err := rt.acquire(ctx, runtime.LockOSThread)
	if err != nil {
		return err
	}
	defer th.Release()
	err = fn(th)
	if ctx.Err() != nil && isCancelled(err) && !errors.Is(err, ctx.Err()) {
		return cancelledBy(ctx, "Do", err)
	}
	return err
}

// Acquire attaches the calling goroutine until Release, which the same goroutine must call. A
// goroutine that ends without it gives the GIL back, and its objects are lost.
func (rt *Runtime) Acquire(ctx context.Context) (*Thread, error) {
	return rt.acquire(ctx, lockOffMain)
}

// lockOffMain locks the goroutine to an OS thread that is not the process's first. That one never
// exits: if the goroutine ended without Release, it would hold the GIL for ever. A goroutine that
// is locked to it already, as that of main in programs with windows, stays there.
func lockOffMain() {
	runtime.LockOSThread()
	for tries := 0; tries < 10 && cgo.OnMainThread(); tries++ {
		runtime.UnlockOSThread()
		moved := make(chan struct{})
		go func() { // is next to run here: keeps the thread until the caller runs on another
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if cgo.OnMainThread() {
				<-moved
			}
		}()
		runtime.Gosched()
		runtime.LockOSThread()
		close(moved)
	}
}

func (rt *Runtime) acquire(ctx context.Context, lock func()) (*Thread, error) {
	if ctx == nil {
		return nil, ErrNilContext
	}
	if ctx.Err() != nil {
		return nil, rt.tooLate(ctx, "Acquire")
	}
	th := &Thread{rt: rt, ctx: ctx, call: &call{rt: rt, label: "Acquire", ctx: ctx}}
	th.scope = &scope{th: th}
	flags := uint32(0)
	if ctx.Done() != nil {
		flags = cgo.FlagCancellable
	}
	th.call.frame.Reset(0)
	parked := rt.park()
	err := rt.enter(ctx, th.call, flags)
	parked.Unpark()
	if err != nil {
		return nil, err
	}
	lock()
	if status := rt.in.Attach(&th.call.frame); status != cgo.StatusOK {
		runtime.UnlockOSThread()
		rt.gate.leave(th.call.pass)
		return nil, statusError(status)
	}
	scopes.Add(1)
	if ctx.Done() != nil {
		th.stop = rt.cancelAfter(ctx, th.call)
	}
	return th, nil
}

// Release gives the objects back and detaches. Once is enough: later calls do nothing. It panics if
// another goroutine than the one that acquired calls it, inside Detach, and while a Thread that the
// goroutine acquired later is not released: the last goes first.
func (th *Thread) Release() {
	if th == nil || th.released.Load() {
		return
	}
	if err := statusError(th.rt.in.Detach(&th.call.frame, th.scope.all())); err != nil {
		panic(err)
	}
	th.released.Store(true)
	th.scope.endAll()
	if th.stop != nil {
		th.stop()
	}
	scopes.Add(-1)
	th.rt.gate.leave(th.call.pass)
	th.rt.stats.ran(th.call)
	runtime.UnlockOSThread()
}

// Runtime is the runtime that the thread is attached to.
func (th *Thread) Runtime() *Runtime { return th.rt }

// Detach lets the GIL go, runs fn and takes the GIL again: others run Python meanwhile. The objects
// stay; using them or the Thread inside fn is ErrWrongThread.
func (th *Thread) Detach(fn func()) error {
	if err := th.check("Detach"); err != nil {
		return err
	}
	if err := statusError(th.rt.in.Pause(&th.call.frame)); err != nil {
		return misused("Detach", err)
	}
	defer th.rt.in.Resume()
	fn()
	return nil
}

// check refuses a Thread that is no more; whether it is attached here is seen in the crossing.
func (th *Thread) check(what string) error {
	if th == nil || th.rt == nil {
		return misused(what, ErrNoThread)
	}
	if th.released.Load() {
		return misused(what, ErrReleased)
	}
	return nil
}

// misused says which operation met a misuse.
func misused(what string, err error) error { return fmt.Errorf("%w (%s)", err, what) }
