package pyhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"

	"github.com/pyhost/pyhost/cgo"
)

// What package process needs for Go functions that Python in another process calls. Programs have
// no use for it.

// FarFunction is a Function whose caller is in another process. It is for this library's own
// packages.
type FarFunction struct{ f *function }

var errFarThread = errors.New("it takes a *Thread or an *Object, which cannot cross to another " +
	"process: take a context.Context, or a *Ref")

// NewFarFunction takes the function's type apart, and says why it cannot be called. It is for this
// library's own packages.
func NewFarFunction(spec *Function) (*FarFunction, error) {
	f := &function{name: spec.Name, fn: reflect.ValueOf(spec.Func), method: spec.Method}
	if err := f.bind(spec.Params); err != nil {
		return nil, err
	}
	for _, p := range f.params {
		if p.Type == objectType {
			return nil, fmt.Errorf("%s: %w", f.name, errFarThread)
		}
	}
	if f.first == threadType || f.rest == objectType {
		return nil, fmt.Errorf("%s: %w", f.name, errFarThread)
	}
	return &FarFunction{f}, nil
}

// Spec is what C has to know of it there.
func (f *FarFunction) Spec(spec *Function) *cgo.FuncSpec { return f.f.spec(spec) }

// Name is the function's.
func (f *FarFunction) Name() string { return f.f.name }

// Call decodes n arguments and calls the function, on this goroutine. A panic is an error. Objects
// that the function does not get go to giveBack.
func (f *FarFunction) Call(ctx context.Context, d *cgo.Decoder, n int, giveBack func(cgo.Ptr)) (
	result any, err error) {
	decoded := false
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{r, debug.Stack()}
		}
		if !decoded {
			d.Drop(giveBack)
		}
	}()
	fixed := len(f.f.params)
	if f.f.options != nil {
		fixed += len(f.f.options.Params())
	}
	if n < fixed || n > len(d.Buf) || n > fixed && f.f.rest == nil {
		return nil, cgo.ErrMalformed
	}
	args, err := f.f.decode(ctx, d, nil, n)
	if err != nil {
		return nil, err
	}
	decoded = true
	out := f.f.invoke(args)
	if f.f.fails {
		if err, _ := out[f.f.results].Interface().(error); err != nil {
			return nil, err
		}
	}
	return f.f.value(out), nil
}

// Raise appends what makes the exception for err, which crosses under a number.
func (f *FarFunction) Raise(ctx context.Context, err error, e *cgo.Encoder, number cgo.GoPtr) {
	class, text := raisedAs(ctx, err)
	e.Tuple(4)
	_ = e.Value(class) // texts and numbers: they cannot fail
	_ = e.Value(text)
	e.Go(number, 0)
	_ = e.Value(Tuple{f.f.name, f.f.file, f.f.line})
}

// NewFarModule makes a module by calls of a runtime in another process. It is for this library's
// own packages.
func NewFarModule(ctx context.Context, to Remote, name string, members Members) error {
	return newModule(ctx, to, name, members, func(string, *Class) (*Ref, error) {
		return nil, errors.New("a Class needs an in-process runtime: its instances are values of " +
			"this process")
	})
}

// FarLogTo is Runtime.LogTo for a runtime in another process. It is for this library's own
// packages.
func FarLogTo(ctx context.Context, to Remote, logger *slog.Logger) error {
	return logTo(ctx, to, logger)
}

// Iterator gives what makes a generator of a sequence or a channel: the second of its arguments is
// the func() that stops it, and may be called again. It is for this library's own packages.
func Iterator(v reflect.Value) cgo.Made { return iterator(v) }
