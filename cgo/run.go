package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"reflect"
	"runtime"
	"unsafe"
)

// Op is what Run does.
type Op int

// The operations of Run.
const (
	OpCall       Op = C.PY_OP_CALL        // what: a Name; arg: encoded arguments
	OpFind       Op = C.PY_OP_FIND        // what: a Name; gives what it stands for
	OpCallObject Op = C.PY_OP_CALL_OBJECT // what: a Ptr; arg: encoded arguments
	OpEval       Op = C.PY_OP_EVAL        // arg: code, namespace, source, file
	OpExec       Op = C.PY_OP_EXEC        // the same
	OpDecode     Op = C.PY_OP_DECODE      // what: a Ptr, which it takes; gives its value
	OpRaise      Op = C.PY_OP_RAISE       // what: a Ptr to an exception, which it takes
	OpEcho       Op = C.PY_OP_ECHO        // arg: a value that nobody trusts; gives it back
)

// Name is a dotted name to be called, prepared once.
type Name uint64

// NewName prepares a name, for ever; or for one call, after which it is freed.
func NewName(name string, once bool) Name {
	p := (*C.char)(unsafe.Pointer(unsafe.StringData(name)))
	c := C.py_name_new(p, C.size_t(len(name)), toInt(once))
	return Name(uintptr(unsafe.Pointer(c)))
}

// FreeName frees a name that was for one call.
func (in *Interp) FreeName(n Name) {
	C.py_name_free(in.p, *(**C.struct_py_name)(unsafe.Pointer(&n)))
}

func data(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

// Run attaches, performs op, and detaches. Any goroutine.
func (in *Interp) Run(f *Frame, op Op, what uint64, arg []byte) Status {
	p, n := data(arg)
	C.py_run(in.addr, &f.c, C.int(op), C.uint64_t(what), p, n)
	return Status(f.c.status)
}

// Cancelled is what came of Cancel.
type Cancelled int

// The outcomes, beside that the exception is raised or that nothing runs.
const (
	CancelLater Cancelled = C.PY_CANCEL_LATER // the thread holds locks that would stay held: soon
	CancelDead  Cancelled = C.PY_CANCEL_DEAD  // the thread has died, and nothing runs any more
)

// Cancel raises the cancelling exception in the thread that runs the frame. It attaches, so it
// waits for the GIL.
func (in *Interp) Cancel(f *Frame) Cancelled { return Cancelled(C.py_cancel(in.p, &f.c)) }

// CancelAll raises the cancelling exception in every thread that is inside. It waits for the GIL.
func (in *Interp) CancelAll() { C.py_cancel_all(in.p) }

// SetClass says what instances of a class that _pyhost.register has numbered are read into. While
// attached.
func (in *Interp) SetClass(number uint64, t reflect.Type) {
	in.SetClassShape(number, in.shape(t))
}

// SetClassShape is the same for a type of another process.
func (in *Interp) SetClassShape(number uint64, s Shape) {
	C.py_class_shape(in.p, C.uint64_t(number), *(**C.struct_py_shape)(unsafe.Pointer(&s)))
}

// Park detaches the calling OS thread from whatever interpreter it is attached to, but this one,
// until Unpark: the goroutine, which is locked to it, is about to wait. nil: there is none.
func (in *Interp) Park() *Parked { return park(in.p) }

// Park is the same for every interpreter.
func Park() *Parked { return park(nil) }

func park(in *C.struct_py_interp) *Parked {
	if st := C.py_park(in); st != nil {
		return &Parked{st}
	}
	return nil
}

// Parked is an attachment that is given up for a while.
type Parked struct{ st *C.struct_py_state }

// Unpark takes it up again; it does nothing if there was none.
func (p *Parked) Unpark() {
	if p != nil {
		C.py_unpark(p.st)
	}
}

// DefaultSignals gives up Go's handlers of the signals by which a crash shows: for a process that
// is there for Python alone. A nil dereference in Go ends it from now on.
func DefaultSignals() { C.py_default_signals() }

// KeepSignalStack sees that the OS thread has the stack for signals afterwards that it had before
// fn, which runs on it.
func KeepSignalStack(fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.py_signal_stack(0)
	defer C.py_signal_stack(1)
	return fn()
}

// PassBaton passes the gate's baton on, for whoever took it and does not attach after all.
func (in *Interp) PassBaton() { C.py_pass_baton(in.p) }

// OnMainThread tells whether the caller runs on the first thread of the process.
func OnMainThread() bool { return C.py_on_main_thread() != 0 }

// Attach attaches the OS thread, to which the goroutine is locked, until Detach of the same frame.
func (in *Interp) Attach(f *Frame) Status { return Status(C.py_attach(in.p, &f.c)) }

// Detach gives objects back and undoes Attach, on the same OS thread, the last first; or it
// refuses, and does nothing.
func (in *Interp) Detach(f *Frame, objs []Ptr) Status {
	p := (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(objs)))
	return Status(C.py_detach(in.p, &f.c, p, C.size_t(len(objs))))
}

// Pause gives the GIL up in the middle of an attachment, until Resume.
func (in *Interp) Pause(f *Frame) Status { return Status(C.py_pause(&f.c)) }

// Holds tells whether the OS thread is attached by the frame.
func (in *Interp) Holds(f *Frame) bool { return C.py_holds(&f.c) != 0 }

// Resume undoes Pause.
func (in *Interp) Resume() Status { return Status(C.py_resume(in.p)) }

// DecrefLater gives a reference back at the next attach. Any goroutine, at any time.
func (in *Interp) DecrefLater(obj Ptr) {
	C.py_decref_later(in.p, C.uint64_t(obj))
}
