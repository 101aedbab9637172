package pyhost

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
	call     *call // its frame holds the attachment
	objects  []cgo.Ptr
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
// exits: if the goroutine ended without Release, it would hold the GIL for ever.
func lockOffMain() {
	runtime.LockOSThread()
	for cgo.OnMainThread() {
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
	if th.released.Load() {
		return
	}
	if err := statusError(th.rt.in.Detach(&th.call.frame, th.objects)); err != nil {
		panic(err)
	}
	th.released.Store(true)
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
	if err := th.check(); err != nil {
		return err
	}
	if err := statusError(th.rt.in.Pause(&th.call.frame)); err != nil {
		return err
	}
	defer th.rt.in.Resume()
	fn()
	return nil
}

// Import imports a module; for a dotted name the last one of it.
func (th *Thread) Import(name string) (*Object, error) {
	return th.object(cgo.ObjImport, nil, name)
}

// Value makes a Python object of a Go value.
func (th *Thread) Value(v any) (*Object, error) {
	c := getCall()
	defer c.put()
	c.rt = th.rt
	if err := c.enc.Value(v); err != nil {
		return nil, fmt.Errorf("pyhost: %w", err)
	}
	return th.operate(c, cgo.ObjValue, nil)
}

func (th *Thread) check() error {
	if th.released.Load() {
		return ErrReleased
	}
	return nil
}

// object performs an operation that takes a name and gives an object.
func (th *Thread) object(op cgo.ObjectOp, o *Object, name string) (*Object, error) {
	c := getCall()
	defer c.put()
	c.rt = th.rt
	c.enc.Buf = append(c.enc.Buf, name...)
	return th.operate(c, op, o)
}

func (th *Thread) operate(c *call, op cgo.ObjectOp, o *Object) (*Object, error) {
	if err := th.cross(c, op, o); err != nil {
		return nil, err
	}
	return th.adopt(c.frame.Obj()), nil
}

// adopt makes an Object of a reference, which is given back with the others.
func (th *Thread) adopt(p cgo.Ptr) *Object {
	th.objects = append(th.objects, p)
	return &Object{th: th, ptr: p}
}

// own is the same for the argument of a Go function that wants an *Object.
func (th *Thread) own(p cgo.Ptr, t reflect.Type) any {
	if t != objectType {
		return nil
	}
	return th.adopt(p)
}

// value performs an operation that gives a value.
func (th *Thread) value(op cgo.ObjectOp, o *Object, out any) error {
	c := getCall()
	defer c.put()
	c.rt = th.rt
	if err := checkTarget(out); err != nil {
		return err
	}
	c.frame.SetShape(th.rt.in.ShapeFor(out))
	if err := th.cross(c, op, o); err != nil {
		return err
	}
	return th.rt.decode(c.frame.Result(), c.far, out)
}

func (th *Thread) cross(c *call, op cgo.ObjectOp, o *Object) error {
	if err := th.check(); err != nil {
		return err
	}
	var p cgo.Ptr
	if o != nil {
		p = o.ptr
	}
	status := th.rt.in.Object(&th.call.frame, &c.frame, op, p, c.enc.Buf)
	c.far = c.frame.Fetch(th.rt.in.DecrefLater)
	if status == cgo.StatusOK {
		return nil
	}
	if status != cgo.StatusRaised {
		return statusError(status)
	}
	err := th.rt.raised(c)
	if th.ctx.Err() != nil && isCancelled(err) {
		return cancelledBy(th.ctx, "Do", err)
	}
	return err
}
