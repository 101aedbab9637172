package pyhost

import (
	"errors"
	"fmt"

	"github.com/pyhost/pyhost/cgo"
)

// Value makes a Python object of a Go value; of an object it gives that itself, such as the *Object
// of a *[Ref].
func (th *Thread) Value(v any) (*Object, error) {
	if err := th.check("Value"); err != nil {
		return nil, err
	}
	x := cgo.Operate(cgo.DoValue)
	if th.takeX(&x, v) {
		return th.make("Value", &x)
	}
	return th.encoded("Value", func(e *cgo.Encoder) error { return e.Value(v) })
}

// encoded makes an object of what fn encodes.
func (th *Thread) encoded(what string, fn func(*cgo.Encoder) error) (*Object, error) {
	if err := th.check(what); err != nil {
		return nil, err
	}
	c := th.newCall()
	defer c.put()
	if err := fn(&c.enc); err != nil {
		return nil, fmt.Errorf("pyhost: %s: %w", what, err)
	}
	x := cgo.Operate(cgo.DoValue)
	x.EncodedX(c.enc.Buf)
	return th.make(what, &x)
}

// None gives None. As an argument or a value to be set, nil is None too.
func (th *Thread) None() (*Object, error) { return th.Value(nil) }

// NewList makes a list of Go values and objects.
func (th *Thread) NewList(items ...any) (*Object, error) {
	return th.encoded("NewList", func(e *cgo.Encoder) error {
		return e.Value(append([]any{}, items...))
	})
}

// NewTuple makes a tuple of Go values and objects.
func (th *Thread) NewTuple(items ...any) (*Object, error) {
	return th.encoded("NewTuple", func(e *cgo.Encoder) error {
		return e.Value(append(Tuple{}, items...))
	})
}

// NewSet makes a set of Go values and objects.
func (th *Thread) NewSet(items ...any) (*Object, error) {
	return th.encoded("NewSet", func(e *cgo.Encoder) error {
		return e.Value(append(Set{}, items...))
	})
}

// NewDict makes a dict, in this order, of keys and values that take turns: Go values and objects.
func (th *Thread) NewDict(keysAndValues ...any) (*Object, error) {
	return th.encoded("NewDict", func(e *cgo.Encoder) error {
		if len(keysAndValues)%2 != 0 {
			return errors.New("a key without a value")
		}
		return e.Dict(keysAndValues)
	})
}
