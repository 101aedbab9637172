package pyhost

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// Runner is what every kind of runtime and every pool of them can do.
type Runner interface {
	Exec(ctx context.Context, source string, in ...Scope) error
	Eval(ctx context.Context, expr string, out any, in ...Scope) error
	Call(ctx context.Context, name string, out any, args ...any) error
	Info() Info
	Close() error
}

var _ Runner = (*Runtime)(nil)

// Kw holds keyword arguments: the last argument of a call.
type Kw = cgo.Kw

// Scope says where code runs, and what its tracebacks call it.
type Scope struct {
	File      string     // the file name in tracebacks; empty: "<exec>" or "<eval>"
	Namespace *Namespace // its globals; nil: those of __main__
}

// call is one operation on its way to Python and back. Its owner is the goroutine that made it;
// when the context can end, a worker runs it, and `state` says whose it is then.
type call struct {
	frame  cgo.Frame
	op     cgo.Op
	what   uint64
	enc    cgo.Encoder
	held   []*held         // references that must live until it has run
	pin    runtime.Pinner  // large arguments, which C copies from where they are
	far    [][]byte        // large blobs of the result
	gos    []cgo.GoPtr     // values of Go on their way to Python
	ctx    context.Context // for Go functions that are called meanwhile
	pass   pass
	status cgo.Status
	rt     *Runtime
	th     *Thread // that performs it, attached; nil: it is no operation of a Thread
	label  string  // for errors
	src    source  // of exec and eval
	once   bool    // what is a name for this call only
	owner  any     // of Served

	// Written by the caller before it abandons the call, read by the worker afterwards.
	placeGone, counted bool

	state atomic.Int32  // callRunning, then one of the others
	done  chan struct{} // a token when it has run, unless it was abandoned
	ended chan struct{} // closed when an abandoned call ends
}

const (
	callRunning   = iota
	callEnded     // by the worker: the caller takes the result
	callAbandoned // by the caller: the worker cleans up
)

// background is compared with: it neither ends nor has values that a Go function could ask for.
var background = context.Background()

var calls = sync.Pool{New: func() any {
	c := &call{done: make(chan struct{}, 1)}
	c.enc.Ref, c.enc.Class, c.enc.Func, c.enc.Pin = c.ref, c.class, c.function, &c.pin
	c.enc.Instance, c.enc.Iterator, c.enc.Layouts = c.instance, iterator, true
	return c
}}

// spare is the call given back last: cheaper than the pool while one goroutine calls.
var spare atomic.Pointer[call]

func getCall() *call {
	c := spare.Swap(nil)
	if c == nil {
		c = calls.Get().(*call)
	}
	c.frame.Reset(0)
	c.enc.Reset()
	c.enc.Pinned = false
	c.state.Store(callRunning)
	c.ended, c.placeGone, c.counted = nil, false, false
	c.pass, c.label = pass{}, ""
	return c
}

const keepBuffer = 4 << 20 // a longer buffer is left to the collector

// put gives the call back, when neither a worker nor a canceller knows it any more.
func (c *call) put() {
	c.letGo()
	if cap(c.enc.Buf) > keepBuffer {
		c.enc.Buf = nil
	}
	c.rt, c.th, c.ctx, c.owner = nil, nil, nil, nil
	if !spare.CompareAndSwap(nil, c) {
		calls.Put(c)
	}
}

// letGo gives up what the call holds in C.
func (c *call) letGo() {
	c.frame.Free()
	c.far = nil
	c.pin.Unpin()
	if len(c.enc.Exports) > 0 {
		clear(c.enc.Exports)
		c.enc.Exports = c.enc.Exports[:0]
	}
	for _, p := range c.gos {
		p.Release()
	}
	c.gos = c.gos[:0]
	if c.once {
		c.rt.in.FreeName(cgo.Name(c.what))
		c.once = false
	}
	if len(c.held) == 0 {
		return
	}
	for _, h := range c.held {
		h.release()
	}
	clear(c.held)
	c.held = c.held[:0]
}

// ref encodes handles to objects, and holds them until the call has run.
func (c *call) ref(v any) (cgo.Ptr, bool, error) {
	r, ok := v.(referent)
	if !ok {
		return 0, false, nil
	}
	p, err := r.borrow(c)
	return p, true, err
}

// Call calls a Python function: "module.attr…", importing the module if need be, or a name of
// __main__ or of builtins. The last argument may be a [Kw]. The result is decoded into out, a
// pointer; nil drops it. Any goroutine may call it. Not for what looks at the code that calls it:
// exec, eval, globals, locals, dir without arguments; use Exec and Eval.
//
// When ctx ends the call is cancelled, as [CancelError] describes. Errors of Python code are
// *[PythonError].
func (rt *Runtime) Call(ctx context.Context, name string, out any, args ...any) error {
	var p pass
	if ctx == background && isNumber(out) && !rt.record.on.Load() {
		if done, err := rt.callScalars(ctx, name, out, args, &p); done {
			return err
		}
	}
	c := getCall()
	c.rt, c.pass = rt, p
	if err := c.args(args); err != nil {
		c.put()
		return fmt.Errorf("pyhost: call of %s: %w", name, err)
	}
	n, once, err := rt.names.get(name)
	if err != nil {
		c.put()
		return err
	}
	c.once = once
	c.op, c.what, c.label = cgo.OpCall, uint64(n), name
	return rt.do(ctx, c, out)
}

// class gives the Python class that a struct type is registered for.
func (c *call) class(t reflect.Type) (cgo.Ptr, bool) { return c.rt.classes.ptrOf(t) }

func (c *call) args(args []any) error {
	return c.encode(func(e *cgo.Encoder) error {
		if n := len(args) - 1; n >= 0 {
			if kw, ok := args[n].(Kw); ok {
				return e.Args(args[:n], kw)
			}
		}
		return e.Args(args, nil)
	})
}

// encode runs fn. Where a Marshaler of the program's panics nothing is kept of what it was with: Go
// ends a program that loses a pin.
func (c *call) encode(fn func(*cgo.Encoder) error) error {
	returned := false
	defer func() {
		if !returned {
			c.letGo()
		}
	}()
	err := fn(&c.enc)
	returned = true
	return err
}

// do runs the call, decodes its result into out and gives it back.
func (rt *Runtime) do(ctx context.Context, c *call, out any) error {
	if ctx == nil {
		c.put()
		return ErrNilContext
	}
	if err := checkTarget(out); err != nil {
		c.put()
		return err
	}
	c.ctx = ctx
	flags := uint32(0)
	switch out.(type) {
	case nil:
		flags = cgo.FlagDrop
	case **Ref:
		flags = cgo.FlagKeep
	}
	if flags == 0 {
		c.frame.SetShape(rt.in.ShapeFor(out))
	}
	if parked := rt.park(); parked != nil {
		defer parked.Unpark()
	}
	if ctx.Done() != nil {
		if ctx.Err() != nil { // nothing is begun
			defer c.put()
			return rt.tooLate(ctx, c.label)
		}
		return rt.doApart(ctx, c, flags, out)
	}
	if err := rt.enter(ctx, c, flags); err != nil {
		c.put()
		return err
	}
	defer c.put() // an Unmarshaler of the program's may panic
	return rt.result(c, rt.run(c), out)
}

// enter waits at the gate, and sets the frame's flags.
func (rt *Runtime) enter(ctx context.Context, c *call, flags uint32) error {
	recording := rt.record.on.Load()
	var from int64
	if recording {
		from = cgo.Now()
	}
	if c.pass.flags == 0 {
		p, err := rt.gate.enter(ctx)
		if err != nil {
			return rt.refused(ctx, c.label, err)
		}
		c.pass = p
	}
	p := &c.pass
	flags |= p.flags
	if p.waited || p.number%sampleEvery == 0 {
		flags |= cgo.FlagTimed
	}
	c.frame.SetFlags(flags)
	if recording {
		c.frame.SetLane(rt.record.lane(ctx), from)
	}
	return nil
}

func (rt *Runtime) refused(ctx context.Context, label string, err error) error {
	if errors.Is(err, ErrClosed) {
		return err
	}
	rt.stats.left.Add(1)
	return cancelError(ctx, label)
}

// run crosses, on this goroutine, and leaves the gate.
func (rt *Runtime) run(c *call) cgo.Status {
	status := rt.in.Run(&c.frame, c.op, c.what, c.enc.Buf)
	c.far = c.frame.Fetch(rt.in.DecrefLater)
	rt.gate.leave(c.pass)
	rt.stats.ran(c)
	return status
}

// result makes Go values of what came out.
func (rt *Runtime) result(c *call, status cgo.Status, out any) error {
	if code := c.frame.Code(); code != 0 {
		rt.codes.keep(rt, c, code)
	}
	switch status {
	case cgo.StatusOK:
		if ref, ok := out.(**Ref); ok {
			*ref = newRef(rt, c.frame.Obj(), "object")
			return nil
		}
		if out == nil || len(c.frame.Result()) == 0 {
			return nil
		}
		return rt.decode(c.frame.Result(), c.far, out)
	case cgo.StatusRaised:
		return rt.closedBy(c.label, rt.raised(c))
	default:
		return statusError(status)
	}
}

func statusError(s cgo.Status) error {
	switch s {
	case cgo.StatusOK:
		return nil
	case cgo.StatusNotAttached:
		return ErrWrongThread
	case cgo.StatusNotLast:
		return ErrNotLast
	}
	return ErrNoMemory
}

func (rt *Runtime) decode(b []byte, far [][]byte, out any) error {
	if cgo.DecodeScalar(b, out) {
		return nil
	}
	d := rt.decoder(b, far)
	decoded := false
	defer func() { // an Unmarshaler may panic
		if !decoded {
			d.Drop(rt.in.DecrefLater)
		}
	}()
	if err := d.Into(out); err != nil {
		return fmt.Errorf("pyhost: %w", err)
	}
	decoded = true
	return nil
}

// decoder reads what C has encoded.
func (rt *Runtime) decoder(b []byte, far [][]byte) cgo.Decoder {
	return cgo.Decoder{Buf: b, Far: far, Trusted: true, Object: rt.adopt, Class: rt.classes.typeOf}
}

// adopt makes a Ref of an object whose reference came with a result.
func (rt *Runtime) adopt(p cgo.Ptr, typ string) any { return newRef(rt, p, typ) }
