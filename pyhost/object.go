package pyhost

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// referent is a handle to a Python object: *Object or *Ref.
type referent interface {
	// borrow gives the object for use by the call, and sees that it lives until it has run.
	borrow(c *call) (cgo.Ptr, error)
}

// held is a reference that Go owns. It is given back when nobody holds it any more: the owner and
// the calls under way that use it. count guards ptr: it is valid while count > 0.
type held struct {
	rt    *Runtime // nil: it is far's
	far   Remote
	ptr   cgo.Ptr
	count atomic.Int64
}

// acquire takes one more hold, unless the reference has been given back.
func (h *held) acquire() bool {
	for {
		n := h.count.Load()
		if n == 0 {
			return false
		}
		if h.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (h *held) release() {
	switch {
	case h.count.Add(-1) != 0:
	case h.rt == nil:
		h.far.Release(uint64(h.ptr))
	default:
		h.rt.in.DecrefLater(h.ptr)
	}
}

// Ref is a Python object that outlives the attachment it came from. Any goroutine may pass it to
// calls of its runtime, decode it and close it. It is given back at the next attach after Close, or
// after the garbage collector has found it unused.
type Ref struct {
	held    *held
	typ     string
	closed  atomic.Bool
	cleanup runtime.Cleanup
}

func newRef(rt *Runtime, p cgo.Ptr, typ string) *Ref {
	return (&held{rt: rt, ptr: p}).ref(typ)
}

func (h *held) ref(typ string) *Ref {
	h.count.Store(1)
	r := &Ref{held: h, typ: typ}
	r.cleanup = runtime.AddCleanup(r, (*held).release, h)
	return r
}

// Close gives the object back. Calls under way that use it are not disturbed; later ones are an
// error.
func (r *Ref) Close() {
	if r.held != nil && r.closed.CompareAndSwap(false, true) {
		r.cleanup.Stop()
		r.held.release()
	}
}

// String names the type of the object where it is known; it does not touch Python.
func (r *Ref) String() string { return fmt.Sprintf("<pyhost.Ref to %s>", r.typ) }

// Decode decodes the object into out, a pointer.
func (r *Ref) Decode(ctx context.Context, out any) error {
	if r.held == nil {
		return fmt.Errorf("pyhost: Decode of a Ref that refers to nothing")
	}
	if r.held.rt == nil {
		return r.held.far.Call(ctx, "_pyhost.same", out, r)
	}
	return r.held.rt.Call(ctx, "_pyhost.same", out, r)
}

// Call calls the object.
func (r *Ref) Call(ctx context.Context, out any, args ...any) error {
	if r.held == nil {
		return fmt.Errorf("pyhost: call of a Ref that refers to nothing")
	}
	if r.held.rt == nil {
		return r.held.far.CallRef(ctx, r, out, args...)
	}
	c := getCall()
	c.rt = r.held.rt
	err := c.args(args)
	if err == nil {
		var p cgo.Ptr
		p, err = r.borrow(c)
		c.op, c.what, c.label = cgo.OpCallObject, uint64(p), r.typ
	}
	if err != nil {
		c.put()
		return fmt.Errorf("pyhost: call of %s: %w", r.typ, err)
	}
	return c.rt.do(ctx, c, out)
}

func (r *Ref) borrow(c *call) (cgo.Ptr, error) {
	defer runtime.KeepAlive(r)
	if r == nil || r.held == nil {
		return 0, errors.New("a Ref that refers to nothing")
	}
	if r.held.rt != c.rt {
		return 0, fmt.Errorf("%w: %s", ErrOtherRuntime, r)
	}
	if r.closed.Load() || !r.held.acquire() {
		return 0, fmt.Errorf("%s is closed", r)
	}
	c.held = append(c.held, r.held)
	return r.held.ptr, nil
}

// Object is a Python object, usable while its [Thread] is attached and by its goroutine only. It is
// given back when the Thread is released.
type Object struct {
	th  *Thread
	ptr cgo.Ptr
}

func (o *Object) borrow(c *call) (cgo.Ptr, error) {
	if o.th.rt != c.rt {
		return 0, ErrOtherRuntime
	}
	if o.th.released.Load() {
		return 0, ErrReleased
	}
	if !c.rt.in.Holds(&o.th.call.frame) {
		return 0, ErrWrongThread
	}
	return o.ptr, nil
}

// Attr gives an attribute.
func (o *Object) Attr(name string) (*Object, error) {
	return o.th.object(cgo.ObjAttr, o, name)
}

// Call calls the object's method `name`, or the object itself if name is empty. The last argument
// may be a [Kw].
func (o *Object) Call(name string, args ...any) (*Object, error) {
	fn := o
	if name != "" {
		var err error
		if fn, err = o.Attr(name); err != nil {
			return nil, err
		}
	}
	c := getCall()
	defer c.put()
	c.rt = o.th.rt
	if err := c.args(args); err != nil {
		return nil, fmt.Errorf("pyhost: call of %s: %w", name, err)
	}
	return o.th.operate(c, cgo.ObjCall, fn)
}

// Decode decodes the object into out, a pointer.
func (o *Object) Decode(out any) error { return o.th.value(cgo.ObjDecode, o, out) }

// Str is what Python's str gives for the object.
func (o *Object) Str() (string, error) {
	var s string
	err := o.th.value(cgo.ObjStr, o, &s)
	return s, err
}

// Keep makes a [Ref], which outlives the Thread. It panics if the Thread is not attached here.
func (o *Object) Keep() *Ref {
	if err := o.th.check(); err != nil {
		panic(err)
	}
	if err := statusError(o.th.rt.in.Incref(&o.th.call.frame, o.ptr)); err != nil {
		panic(err)
	}
	return newRef(o.th.rt, o.ptr, "object")
}

// Namespace is a dict that code runs in, apart from __main__.
type Namespace struct{ ref *Ref }

// NewNamespace makes an empty namespace; the builtins are in reach.
func (rt *Runtime) NewNamespace(ctx context.Context) (*Namespace, error) {
	return NewNamespace(ctx, rt)
}

// NewNamespace makes an empty namespace in any kind of runtime; of a pool, in one of its runtimes,
// and of no use in the others.
func NewNamespace(ctx context.Context, r Runner) (*Namespace, error) {
	var ref *Ref
	if err := r.Call(ctx, "_pyhost.new_namespace", &ref); err != nil {
		return nil, err
	}
	return &Namespace{ref}, nil
}

// Close gives the namespace back; what it holds goes unless something else refers to it.
func (n *Namespace) Close() {
	if n.ref != nil {
		n.ref.Close()
	}
}
