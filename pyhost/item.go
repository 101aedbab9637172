package pyhost

import (
	"iter"

	"github.com/pyhost/pyhost/cgo"
)

// Item gives o[key].
func (o *Object) Item(key any) (*Object, error) {
	if th := o.usable(); th != nil {
		switch key := key.(type) {
		case int:
			return th.got("Item", th.rt.in.GetIndex(&th.call.frame, o.ptr, key))
		case string:
			return th.got("Item", th.rt.in.GetKey(&th.call.frame, o.ptr, key))
		}
	}
	x := cgo.Operate(cgo.DoItem)
	return o.owned(o.operate1("Item", &x, key))
}

// SetItem sets o[key] to a value.
func (o *Object) SetItem(key, value any) error {
	x := cgo.Operate(cgo.DoSetItem)
	_, err := o.operate2("SetItem", &x, key, value)
	return err
}

// DelItem deletes o[key].
func (o *Object) DelItem(key any) error {
	x := cgo.Operate(cgo.DoDelItem)
	_, err := o.operate1("DelItem", &x, key)
	return err
}

// Len is what Python's len gives.
func (o *Object) Len() (int, error) {
	x := cgo.Operate(cgo.DoLen)
	r, err := o.operate("Len", &x)
	return int(r.Int()), err
}

// Contains tells whether value is in the object, as Python's in does.
func (o *Object) Contains(value any) (bool, error) {
	x := cgo.Operate(cgo.DoContains)
	return truth(o.operate1("Contains", &x, value))
}

// Iter goes through the items of an iterable; an error is the last. Each round of the loop is a
// Scope of its own: the item, and what is made in the body, is given back before the next. See
// [Object.Escape] to carry one out. Leaving the loop gives the iterator back, which ends a
// generator.
func (o *Object) Iter() iter.Seq2[*Object, error] {
	return func(yield func(*Object, error) bool) {
		x := cgo.Operate(cgo.DoIter)
		r, err := o.operate("Iter", &x)
		if err != nil {
			yield(nil, err)
			return
		}
		th, it := o.scope.th, cgo.Ptr(r.Obj())
		defer th.drop(it)
		for th.round(it, yield) {
		}
	}
}

func (th *Thread) round(it cgo.Ptr, yield func(*Object, error) bool) bool {
	err := th.check("Iter")
	var r cgo.Scalar
	if err == nil {
		x := cgo.Operate(cgo.DoNext)
		r, err = th.perform("Iter", it, &x)
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	if !r.IsObject() {
		return false
	}
	sc := th.begin()
	defer func() { _ = th.end(sc) }() // what cannot be given back now goes with the outer scope
	return yield(th.own(cgo.Ptr(r.Obj())), nil)
}

// drop gives one reference back: now if that can be, else later.
func (th *Thread) drop(p cgo.Ptr) {
	if th.released.Load() || th.rt.in.Release(&th.call.frame, []cgo.Ptr{p}) != cgo.StatusOK {
		th.rt.in.DecrefLater(p)
	}
}
