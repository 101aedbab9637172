package pyhost

import (
	"runtime/debug"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
)

// FromPointer makes an Object of a *PyObject of the thread's interpreter, for programs that also
// use CPython's C API by other means. The Object has a reference of its own: that of the caller, if
// it has one, stays the caller's. nil gives nil. It panics if the Thread is not attached here.
func (th *Thread) FromPointer(p unsafe.Pointer) *Object {
	th.mustHold()
	if p == nil {
		return nil
	}
	ptr := cgo.Ptr(uintptr(p))
	if err := statusError(th.rt.in.Incref(&th.call.frame, ptr)); err != nil {
		panic(err)
	}
	return th.own(ptr)
}

// Pointer is the object's *PyObject, borrowed: it is valid until the Thread is released, and longer
// only with a reference that the caller takes. A nil Object gives nil. It panics if the Thread is
// not attached here.
func (o *Object) Pointer() unsafe.Pointer {
	if o == nil {
		return nil
	}
	th, err := o.thread("Pointer")
	if err != nil {
		panic(err)
	}
	th.mustHold()
	return *(*unsafe.Pointer)(unsafe.Pointer(&o.ptr))
}

// Runtime is the runtime that the object belongs to, nil for a Ref that refers to nothing.
func (r *Ref) Runtime() *Runtime {
	if r == nil || r.held == nil {
		return nil
	}
	return r.held.rt
}

// Callback runs fn, Go code that is called by C code which Python has called: an extension module
// that was handed a C function pointer. It is to Python what a [Function] is: fn may call the
// runtime, Close waits for it, and after Close it is not run, which is [ErrClosed]. The thread
// should be detached. A panic becomes a *[PanicError]. name is told if fn calls runtime.Goexit:
// then Callback does not return.
func (rt *Runtime) Callback(name string, fn func() error) (err error) {
	if !rt.in.Inside() {
		if !rt.strays.enter() {
			return ErrClosed
		}
		defer rt.strays.leave()
	}
	scopes.Add(1)
	defer scopes.Add(-1)
	returned := false
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{r, debug.Stack()}
		} else if !returned {
			stay(name)
		}
	}()
	err = fn()
	returned = true
	return err
}

func (th *Thread) mustHold() {
	if err := th.check("a pointer"); err != nil {
		panic(err)
	}
	if !th.rt.in.Holds(&th.call.frame) {
		panic(ErrWrongThread)
	}
}

// Pending takes the exception that other code of the C API left set on this thread, as a
// *[PythonError]; nil if there is none. If that code has detached the thread it is attached again,
// which is a RuntimeError.
//
// Operations of this package that run while an exception is set put it aside and back. One that is
// set still when the Thread is released goes to sys.unraisablehook, which prints it.
func (th *Thread) Pending() error {
	if err := th.check("Pending"); err != nil {
		return err
	}
	c := th.newCall()
	defer c.put()
	return th.cross("Pending", c, cgo.ObjPending, 0)
}
