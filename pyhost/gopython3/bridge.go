//go:build gopython3

package gopython3

// #cgo pkg-config: python3-embed
import "C"

import (
	"context"
	"errors"
	"unsafe"

	python3 "github.com/DataDog/go-python3"

	"github.com/pyhost/pyhost/pyhost"
)

// Do runs go-python3 code: it attaches the calling goroutine to the runtime, runs fn and detaches,
// as [pyhost.Runtime.Do] does, whose errors it has too. The goroutine stays on its OS thread, and
// fn must not use others. Any goroutine may call Do, one that is attached already too. When ctx
// ends, Python code that runs in fn is cancelled.
//
// An exception that is set when fn ends, or panics, is taken: it is the error, joined to that of
// fn.
func Do(ctx context.Context, rt *pyhost.Runtime, fn func() error) error {
	return rt.Do(ctx, func(th *pyhost.Thread) (err error) {
		defer func() {
			if raised := th.Pending(); err == nil {
				err = raised
			} else if raised != nil {
				err = errors.Join(err, raised)
			}
		}()
		return fn()
	})
}

// Object is the object as one of pyhost's, usable until th is released. It takes a reference of its
// own: that of the caller, if it has one, is still the caller's to give back. nil gives nil. It
// panics if th is not attached on this goroutine.
func Object(th *pyhost.Thread, o *python3.PyObject) *pyhost.Object {
	return th.FromPointer(unsafe.Pointer(o))
}

// PyObject is the object as one of go-python3's. The reference is borrowed: valid until the Thread
// that the object came from is released, and longer only after IncRef. nil gives nil. It panics if
// that Thread is not attached on this goroutine.
func PyObject(o *pyhost.Object) *python3.PyObject {
	return (*python3.PyObject)(o.Pointer())
}
