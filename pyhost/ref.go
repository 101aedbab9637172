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
	rt     *Runtime // nil: it is far's
	far    Remote
	origin origin // with the tag pydebug
	ptr    cgo.Ptr
	count  atomic.Int64
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

// caller is what calls with the object go to.
type caller interface {
	Call(ctx context.Context, name string, out any, args ...any) error
}

func (h *held) caller() caller {
	if h.rt == nil {
		return h.far
	}
	return h.rt
}

// abandon is for a Ref that the collector has found.
func (h *held) abandon() {
	h.origin.lost(h.rt)
	h.release()
}

// Ref is a Python object that outlives the attachment it came from. Any goroutine may pass it to
// calls of its runtime, decode it and close it. It is given back at the next attach after Close, or
// after the garbage collector has found it unused. [Runtime.Unclosed] tells which were never
// closed.
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
	h.origin.opened(h.rt)
	r.cleanup = runtime.AddCleanup(r, (*held).abandon, h)
	return r
}

// Close gives the object back. Calls under way that use it are not disturbed; later ones are an
// error.
func (r *Ref) Close() {
	if r != nil && r.held != nil && r.closed.CompareAndSwap(false, true) {
		r.cleanup.Stop()
		r.held.origin.closed(r.held.rt)
		r.held.release()
	}
}

// String names the type of the object where it is known, as of one that came as the value of an
// any; else it says "object". It does not touch Python.
func (r *Ref) String() string { return fmt.Sprintf("<pyhost.Ref to %s>", r.typ) }

// Decode decodes the object into out, a pointer.
func (r *Ref) Decode(ctx context.Context, out any) error {
	if r.held == nil {
		return fmt.Errorf("pyhost: Decode of a Ref that refers to nothing")
	}
	return r.held.caller().Call(ctx, "_pyhost.same", out, r)
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
