package pyhost

import (
	"fmt"

	"github.com/pyhost/pyhost/cgo"
)

// The funnels of all operations of a Thread. What crosses in registers goes through perform, what
// gives a value other than a number through cross.

// perform performs an operation; the object that comes out is the caller's.
func (th *Thread) perform(what string, obj cgo.Ptr, x *cgo.Operation) (cgo.Scalar, error) {
	r, status := th.rt.in.Operate(&th.call.frame, obj, x)
	if status != cgo.StatusOK {
		return r, th.failed(what, &r, status)
	}
	return r, nil
}

// failed makes an error of what came out. An exception is told by a second crossing.
func (th *Thread) failed(what string, r *cgo.Scalar, status cgo.Status) error {
	if status != cgo.StatusRaised {
		return misused(what, statusError(status))
	}
	if r.Obj() == 0 {
		return misused(what, ErrNoMemory)
	}
	c := th.newCall()
	defer c.put()
	status = th.rt.in.Run(&c.frame, cgo.OpRaise, r.Obj(), nil)
	c.far = c.frame.Fetch(th.rt.in.DecrefLater)
	return th.outcome(what, c, status)
}

// got makes an Object of what the shortest way has brought.
func (th *Thread) got(what string, g cgo.Got) (*Object, error) {
	if p := g.Obj(); p != 0 {
		return th.scope.own(p), nil
	}
	r, status := g.Failure()
	return nil, th.failed(what, &r, status)
}

// newCall is for one operation.
func (th *Thread) newCall() *call {
	c := getCall()
	c.rt, c.th = th.rt, th
	return c
}

func (th *Thread) cross(what string, c *call, op cgo.ObjectOp, p cgo.Ptr) error {
	status := th.rt.in.Object(&th.call.frame, &c.frame, op, p, c.enc.Buf)
	c.far = c.frame.Fetch(th.rt.in.DecrefLater)
	return th.outcome(what, c, status)
}

func (th *Thread) outcome(what string, c *call, status cgo.Status) error {
	if status == cgo.StatusOK {
		return nil
	}
	if status != cgo.StatusRaised {
		return misused(what, statusError(status))
	}
	err := th.rt.raised(c)
	if th.ctx.Err() != nil && isCancelled(err) {
		return cancelledBy(th.ctx, "Do", err)
	}
	return err
}

// make performs an operation of the Thread that gives an object.
func (th *Thread) make(what string, x *cgo.Operation) (*Object, error) {
	if err := th.check(what); err != nil {
		return nil, err
	}
	r, err := th.perform(what, 0, x)
	if err != nil {
		return nil, err
	}
	return th.own(cgo.Ptr(r.Obj())), nil
}

// takeX makes an operand of v if it is a number, a text or an object of this Thread.
func (th *Thread) takeX(x *cgo.Operation, v any) bool {
	if o, ok := v.(*Object); ok {
		if !th.has(o) {
			return false
		}
		x.XObject(o.ptr)
		return true
	}
	return x.X(v)
}

func (th *Thread) takeY(x *cgo.Operation, v any) bool {
	if o, ok := v.(*Object); ok {
		if !th.has(o) {
			return false
		}
		x.YObject(o.ptr)
		return true
	}
	return x.Y(v)
}

func (th *Thread) has(o *Object) bool {
	return o != nil && o.scope != nil && o.scope.th == th && !o.scope.ended.Load()
}

// operate performs an operation without operands, or with those that x has already.
func (o *Object) operate(what string, x *cgo.Operation) (cgo.Scalar, error) {
	th, err := o.thread(what)
	if err != nil {
		return cgo.Scalar{}, err
	}
	return th.perform(what, o.ptr, x)
}

// operate1 performs an operation with one operand.
func (o *Object) operate1(what string, x *cgo.Operation, v any) (cgo.Scalar, error) {
	th, err := o.thread(what)
	if err != nil {
		return cgo.Scalar{}, err
	}
	if th.takeX(x, v) {
		return th.perform(what, o.ptr, x)
	}
	c := th.newCall()
	defer c.put()
	if err := c.enc.Value(v); err != nil {
		return cgo.Scalar{}, fmt.Errorf("pyhost: %s: %w", what, err)
	}
	x.EncodedX(c.enc.Buf)
	return th.perform(what, o.ptr, x)
}

// operate2 performs an operation with two operands.
func (o *Object) operate2(what string, x *cgo.Operation, v, w any) (cgo.Scalar, error) {
	th, err := o.thread(what)
	if err != nil {
		return cgo.Scalar{}, err
	}
	if th.takeX(x, v) && th.takeY(x, w) {
		return th.perform(what, o.ptr, x)
	}
	c := th.newCall()
	defer c.put()
	for _, v := range []any{v, w} {
		if err := c.enc.Value(v); err != nil {
			return cgo.Scalar{}, fmt.Errorf("pyhost: %s: %w", what, err)
		}
	}
	x.EncodedX(c.enc.Buf)
	x.EncodedY(c.enc.Buf)
	return th.perform(what, o.ptr, x)
}

// operateY performs an operation whose X is set, with one more operand.
func (o *Object) operateY(what string, x *cgo.Operation, v any) (cgo.Scalar, error) {
	th, err := o.thread(what)
	if err != nil {
		return cgo.Scalar{}, err
	}
	if th.takeY(x, v) {
		return th.perform(what, o.ptr, x)
	}
	c := th.newCall()
	defer c.put()
	if err := c.enc.Value(v); err != nil {
		return cgo.Scalar{}, fmt.Errorf("pyhost: %s: %w", what, err)
	}
	x.EncodedY(c.enc.Buf)
	return th.perform(what, o.ptr, x)
}

// owned makes an Object of what came out.
func (o *Object) owned(r cgo.Scalar, err error) (*Object, error) {
	if err != nil {
		return nil, err
	}
	return o.scope.th.own(cgo.Ptr(r.Obj())), nil
}

func truth(r cgo.Scalar, err error) (bool, error) { return err == nil && r.Int() != 0, err }

// value performs an operation that gives a value.
func (o *Object) value(what string, op cgo.ObjectOp, out any) error {
	th, err := o.thread(what)
	if err != nil {
		return err
	}
	if err := checkTarget(out); err != nil {
		return err
	}
	c := th.newCall()
	defer c.put()
	c.frame.SetShape(th.rt.in.ShapeFor(out))
	if err := th.cross(what, c, op, o.ptr); err != nil {
		return err
	}
	return th.rt.decode(c.frame.Result(), c.far, out)
}
