package pyhost

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/cgo"
)

// CancelError is the error of a call whose context ended before it did. errors.Is finds
// context.Canceled or context.DeadlineExceeded in it; ErrClosed if it was Close that cancelled it.
//
// A call that waits at the gate leaves at once. In one that runs Python code an exception is
// raised, pyhost.Cancelled, which derives from BaseException; code that catches it meets it again.
// A call of C code that blocks (time.sleep, a lock, a socket) cannot be interrupted: after
// Config.Grace it is abandoned: it goes on, its result is dropped, and Stats counts it until it
// ends.
type CancelError struct {
	Call      string       // what was called
	Cause     error        // context.Cause, or ErrClosed
	Abandoned bool         // it is still running
	Python    *PythonError // what it raised; may be nil, and the first has no traceback
	ctxErr    error
}

func (e *CancelError) Error() string {
	what := "cancelled"
	if e.Abandoned {
		what = "abandoned, and still running"
	}
	return fmt.Sprintf("pyhost: call of %s %s: %v", e.Call, what, e.Cause)
}

// Unwrap gives the context's error, its cause, and the exception.
func (e *CancelError) Unwrap() []error {
	errs := []error{e.ctxErr, e.Cause}
	if e.Python != nil {
		errs = append(errs, e.Python)
	}
	return errs
}

func cancelError(ctx context.Context, label string) *CancelError {
	return &CancelError{Call: label, Cause: context.Cause(ctx), ctxErr: ctx.Err()}
}

// tooLate is the error of a call whose context had ended before it came.
func (rt *Runtime) tooLate(ctx context.Context, label string) error {
	if rt.gate.closed() {
		return ErrClosed
	}
	return cancelError(ctx, label)
}

// doApart runs a call whose context can end on a worker, so that the caller can return without it.
func (rt *Runtime) doApart(ctx context.Context, c *call, flags uint32, out any) error {
	if (scopes.Load() != 0 || atomic.LoadInt32(rt.gate.away) != 0) && rt.in.Inside() {
		return rt.doHere(ctx, c, flags, out) // it holds the GIL: another thread would wait for it
	}
	if err := rt.enter(ctx, c, flags|cgo.FlagCancellable); err != nil {
		c.put()
		return err
	}
	select {
	case rt.jobs <- c:
	default:
		rt.workers.Go(func() { rt.work(c) })
	}
	runtime.Gosched() // lets the worker run: a short call is over then, which saves a wait
	select {
	case <-c.done:
		return rt.finish(ctx, c, out)
	default:
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if err := rt.giveUp(ctx, c); err != nil {
			return err
		}
	}
	return rt.finish(ctx, c, out)
}

// work runs calls until jobs is closed: nobody who could send to it is inside then.
func (rt *Runtime) work(c *call) {
	for ok := true; ok; c, ok = <-rt.jobs {
		c.status = rt.in.Run(&c.frame, c.op, c.what, c.enc.Buf)
		c.far = c.frame.Fetch(rt.in.DecrefLater)
		if c.state.CompareAndSwap(callRunning, callEnded) {
			rt.gate.leave(c.pass)
			rt.stats.ran(c)
			c.done <- struct{}{}
		} else {
			rt.cleanUp(c)
		}
	}
}

// cleanUp ends a call that its caller has abandoned. It counts as running until all of it is given
// back: Close waits for that.
func (rt *Runtime) cleanUp(c *call) {
	if len(c.frame.Result()) > 0 { // a value, or an exception, which may hold an error of Go
		d := cgo.Decoder{Buf: c.frame.Result(), Far: c.far, Trusted: true}
		d.Drop(rt.in.DecrefLater)
	}
	for _, p := range []cgo.Ptr{c.frame.Obj(), c.frame.Code()} {
		if p != 0 {
			rt.in.DecrefLater(p)
		}
	}
	c.letGo()
	if !c.placeGone {
		rt.gate.leave(c.pass)
	}
	if c.counted {
		rt.abandons.Add(-1)
	}
	close(c.ended)
	rt.gate.tell()
}

// giveUp goes down the ladder once the context has ended. Nil: the call has ended, and its result
// is there. It leaves c to the worker otherwise.
func (rt *Runtime) giveUp(ctx context.Context, c *call) error {
	err := cancelError(ctx, c.label)
	c.ended = make(chan struct{})
	if c.frame.GiveUp() { // it has not begun and never will: the worker gives its place back
		if !c.state.CompareAndSwap(callRunning, callAbandoned) {
			<-c.done
			c.letGo()
		}
		return err
	}
	go rt.cancel(&c.frame, c.ended)
	grace := time.NewTimer(rt.cfg.Grace)
	defer grace.Stop()
	select {
	case <-c.done:
		return rt.unwatch(c)
	case <-grace.C:
	}
	if !rt.abandon(c) {
		<-c.done
		return rt.unwatch(c)
	}
	err.Abandoned = true
	return err
}

// unwatch stops the canceller of a call that has ended.
func (rt *Runtime) unwatch(c *call) error {
	close(c.ended)
	return nil
}

// abandon leaves a call that goes on to its worker. Its place at the gate is free again, unless
// there are as many abandoned calls as places.
func (rt *Runtime) abandon(c *call) bool {
	n := rt.abandons.Add(1)
	c.counted = true
	c.placeGone = n <= int64(rt.cfg.MaxThreads)
	p, free := c.pass, c.placeGone
	if !c.state.CompareAndSwap(callRunning, callAbandoned) {
		rt.abandons.Add(-1)
		rt.gate.tell() // Close may have seen it
		return false
	}
	if free {
		rt.gate.leave(p)
	}
	rt.stats.abandoned.Add(1)
	return true
}

// cancel raises the cancelling exception in whoever runs the frame, again and again, for code that
// catches it, until the call has ended.
func (rt *Runtime) cancel(f *cgo.Frame, ended <-chan struct{}) {
	const soon, first, last = time.Millisecond, 10 * time.Millisecond, time.Second
	for wait := first; ; {
		again := wait
		switch rt.cancelOnce(f, ended) {
		case cgo.CancelDead:
			return
		case cgo.CancelLater:
			again = soon
		default:
			wait = min(2*wait, last)
		}
		select {
		case <-ended:
			return
		case <-rt.done:
			return
		case <-time.After(again):
		}
	}
}

func (rt *Runtime) cancelOnce(f *cgo.Frame, ended <-chan struct{}) (what cgo.Cancelled) {
	rt.cancelMu.Lock()
	defer rt.cancelMu.Unlock()
	select {
	case <-ended:
	default:
		if !rt.finished {
			what = rt.in.Cancel(f)
		}
	}
	return what
}

// doHere runs a call on the goroutine that is attached: Python code in it is cancelled when the
// context ends, but the caller cannot return before it.
func (rt *Runtime) doHere(ctx context.Context, c *call, flags uint32, out any) error {
	if err := rt.enter(ctx, c, flags|cgo.FlagCancellable); err != nil {
		c.put()
		return err
	}
	stop := rt.cancelAfter(ctx, c)
	c.status = rt.run(c)
	stop()
	return rt.finish(ctx, c, out)
}

// cancelAfter cancels what the call runs when ctx ends, until stop is called. It does not wait for
// a cancellation under way, which may wait for the GIL that the caller holds: so the frame must not
// be used again.
func (rt *Runtime) cancelAfter(ctx context.Context, c *call) (stop func()) {
	c.ended = make(chan struct{})
	unregister := context.AfterFunc(ctx, func() { rt.cancel(&c.frame, c.ended) })
	return func() {
		unregister()
		close(c.ended)
	}
}

// finish takes the result of a call that was cancellable and has ended. A Go function in it may
// have seen the end of the context, and raised the exception, before it was sent.
func (rt *Runtime) finish(ctx context.Context, c *call, out any) error {
	defer func() { // an Unmarshaler may panic
		if c.ended == nil {
			c.put()
		} else {
			c.letGo() // a canceller may still look at the frame: leave it to the collector
		}
	}()
	err := rt.result(c, c.status, out)
	sent, label := c.frame.Sent(), c.label
	if err == nil || !sent && (ctx.Err() == nil || !isCancelled(err)) {
		return err
	}
	return cancelledBy(ctx, label, err)
}

// closedBy is the error of a call that Close has cancelled; any other stays what it is.
func (rt *Runtime) closedBy(label string, err error) error {
	if !rt.cancelling.Load() || !isCancelled(err) {
		return err
	}
	ce := &CancelError{Call: label, Cause: ErrClosed, ctxErr: ErrClosed}
	errors.As(err, &ce.Python)
	return ce
}

// cancelledBy is the error of a call that was cancelled and raised err.
func cancelledBy(ctx context.Context, label string, err error) error {
	ce := cancelError(ctx, label)
	errors.As(err, &ce.Python)
	return ce
}
