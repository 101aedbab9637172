package pyhost

import (
	"context"

	"github.com/pyhost/pyhost/cgo"
)

// Calls of single numbers take a short way: no frame, no buffers, one crossing. It serves a context
// that cannot end and a target of a number or none, while nobody records; the calls whose times are
// taken (see Stats) go the long way too.

// callScalars tries the short way. done is false if it is not for this call; the pass, if one was
// got, is in c then.
func (rt *Runtime) callScalars(ctx context.Context, name string, out any, args []any, p *pass) (
	done bool, err error) {
	var s cgo.Scalars
	if !s.Set(args) {
		return false, nil
	}
	id, once, err := rt.names.get(name)
	if err != nil {
		return true, err
	}
	if once {
		rt.in.FreeName(id)
		return false, nil
	}
	number, ok := rt.gate.hop()
	got := pass{flags: cgo.FlagSlot, number: number}
	if !ok {
		if scopes.Load() != 0 { // this goroutine may be attached, and need not pass the gate
			r, status := rt.in.CallScalars(id, cgo.Nested, &s)
			if status != cgo.StatusNotAttached {
				rt.gate.note()
				return true, rt.scalar(name, &r, status, out)
			}
		}
		parked := rt.park()
		got, err = rt.gate.enter(ctx)
		parked.Unpark()
		if err != nil {
			return true, rt.refused(ctx, name, err)
		}
	}
	if got.waited || got.number%sampleEvery == 0 {
		*p = got
		return false, nil
	}
	r, status := rt.in.CallScalars(id, got.flags&cgo.FlagBaton, &s)
	if status == cgo.StatusOK && r.Op == 0 {
		rt.gate.leave(got)
		if r.Into(out) {
			return true, nil
		}
		return true, rt.decode(r.Encoded(), nil, out)
	}
	err = rt.scalar(name, &r, status, out)
	rt.gate.leave(got)
	return true, err
}

// scalar stores what came back, still inside.
func (rt *Runtime) scalar(name string, r *cgo.Scalar, status cgo.Status, out any) error {
	switch {
	case r.Op != 0:
		return rt.unpack(name, r, out)
	case status != cgo.StatusOK:
		return statusError(status)
	case r.Into(out):
		return nil
	}
	return rt.decode(r.Encoded(), nil, out)
}

// unpack encodes what came back as an object, still inside.
func (rt *Runtime) unpack(name string, r *cgo.Scalar, out any) error {
	c := getCall()
	defer c.put()
	c.rt, c.label = rt, name
	if out == nil {
		c.frame.SetFlags(cgo.FlagDrop)
	}
	status := rt.in.Run(&c.frame, r.Op, r.Obj(), nil)
	c.far = c.frame.Fetch(rt.in.DecrefLater)
	return rt.result(c, status, out)
}

// isNumber tells whether a result that is a single number is expected, or none.
func isNumber(out any) bool {
	switch out := out.(type) {
	case nil:
		return true
	case *int:
		return out != nil
	case *int64:
		return out != nil
	case *float64:
		return out != nil
	}
	return false
}
