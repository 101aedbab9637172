package pyhost

import (
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
	o := &Object{th: th, ptr: cgo.Ptr(uintptr(p))}
	if err := statusError(th.rt.in.Incref(&th.call.frame, o.ptr)); err != nil {
		panic(err)
	}
	th.objects = append(th.objects, o.ptr)
	return o
}

// Pointer is the object's *PyObject, borrowed: it is valid until the Thread is released, and longer
// only with a reference that the caller takes. A nil Object gives nil. It panics if the Thread is
// not attached here.
func (o *Object) Pointer() unsafe.Pointer {
	if o == nil {
		return nil
	}
	o.th.mustHold()
	return *(*unsafe.Pointer)(unsafe.Pointer(&o.ptr))
}

func (th *Thread) mustHold() {
	if err := th.check(); err != nil {
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
	c := getCall()
	defer c.put()
	c.rt = th.rt
	return th.cross(c, cgo.ObjPending, nil)
}
