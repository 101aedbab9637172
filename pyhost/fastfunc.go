package pyhost

import (
	"github.com/pyhost/pyhost/cgo"
)

// Functions of single numbers take a short way, as calls do: nothing is encoded, and reflect is not
// asked. It is for the types that occur most.

// scalarFunc calls one and answers, or returns what is to be raised.
type scalarFunc func(v *cgo.Invocation) error

type scalarError struct {
	arg  int
	text string
}

func (e *scalarError) Error() string { return e.text }

func intArg(v *cgo.Invocation, i int, err *error) int {
	n, ok := v.Int(i)
	if !ok && *err == nil {
		*err = &scalarError{i, v.KindName(i) + " into int"}
	}
	return int(n)
}

func floatArg(v *cgo.Invocation, i int, err *error) float64 {
	x, ok := v.Float(i)
	if !ok && *err == nil {
		*err = &scalarError{i, v.KindName(i) + " into float64"}
	}
	return x
}

func answerInt(v *cgo.Invocation, n int, err error) error {
	if err == nil {
		v.SetInt(int64(n))
	}
	return err
}

func answerFloat(v *cgo.Invocation, x float64, err error) error {
	if err == nil {
		v.SetFloat(x)
	}
	return err
}

func answerNone(v *cgo.Invocation, err error) error {
	if err == nil {
		v.SetNone()
	}
	return err
}

// scalarCall gives nil for a function of any other type.
func scalarCall(fn any) scalarFunc {
	switch fn := fn.(type) {
	case func():
		return func(v *cgo.Invocation) error { fn(); return answerNone(v, nil) }
	case func() error:
		return func(v *cgo.Invocation) error { return answerNone(v, fn()) }
	case func() int:
		return func(v *cgo.Invocation) error { return answerInt(v, fn(), nil) }
	case func() float64:
		return func(v *cgo.Invocation) error { return answerFloat(v, fn(), nil) }
	}
	if f := intCall(fn); f != nil {
		return f
	}
	return floatCall(fn)
}

func intCall(fn any) scalarFunc {
	two := func(call func(a, b int) (int, error)) scalarFunc {
		return func(v *cgo.Invocation) (err error) {
			a, b := intArg(v, 0, &err), intArg(v, 1, &err)
			if err != nil {
				return err
			}
			n, err := call(a, b)
			return answerInt(v, n, err)
		}
	}
	one := func(call func(a int) (int, error)) scalarFunc {
		return func(v *cgo.Invocation) (err error) {
			a := intArg(v, 0, &err)
			if err != nil {
				return err
			}
			n, err := call(a)
			return answerInt(v, n, err)
		}
	}
	switch fn := fn.(type) {
	case func(int) int:
		return one(func(a int) (int, error) { return fn(a), nil })
	case func(int) (int, error):
		return one(fn)
	case func(int, int) int:
		return two(func(a, b int) (int, error) { return fn(a, b), nil })
	case func(int, int) (int, error):
		return two(fn)
	}
	return nil
}

func floatCall(fn any) scalarFunc {
	switch fn := fn.(type) {
	case func(float64) float64:
		return func(v *cgo.Invocation) (err error) {
			x := floatArg(v, 0, &err)
			if err != nil {
				return err
			}
			return answerFloat(v, fn(x), nil)
		}
	case func(float64, float64) float64:
		return func(v *cgo.Invocation) (err error) {
			x, y := floatArg(v, 0, &err), floatArg(v, 1, &err)
			if err != nil {
				return err
			}
			return answerFloat(v, fn(x, y), nil)
		}
	}
	return nil
}
