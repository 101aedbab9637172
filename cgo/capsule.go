package cgo

// #include "host.h"
import "C"

import (
	"errors"
	"unsafe"
)

// ArrowKind is a struct of Arrow's C data interface, and the capsule it comes in.
type ArrowKind int

// The kinds.
const (
	ArrowSchema ArrowKind = C.PY_ARROW_SCHEMA
	ArrowArray  ArrowKind = C.PY_ARROW_ARRAY
	ArrowStream ArrowKind = C.PY_ARROW_STREAM
)

var arrowNames = [...]string{"arrow_schema", "arrow_array", "arrow_array_stream"}

func (k ArrowKind) String() string { return arrowNames[k] }

// What is wrong with a capsule.
var (
	ErrNoCapsule    = errors.New("not a capsule")
	ErrOtherCapsule = errors.New("a capsule of another name")
	ErrConsumed     = errors.New("somebody has taken it already")
	ErrNoArrow      = errors.New("out of memory")
)

func arrowError(status C.int) error {
	return [...]error{nil, ErrNoCapsule, ErrOtherCapsule, ErrConsumed, ErrNoArrow}[status]
}

// NewArrow makes a struct, zeroed, in C memory; nil: it has run out.
func NewArrow(k ArrowKind) unsafe.Pointer { return C.py_arrow_new(C.int(k)) }

// FreeArrow releases what the struct holds, and frees it.
func FreeArrow(k ArrowKind, p unsafe.Pointer) { C.py_arrow_free(C.int(k), p) }

// ArrowCapsule makes a capsule of a struct, which it takes, while attached. The caller owns the
// reference. 0: out of memory.
func ArrowCapsule(k ArrowKind, p unsafe.Pointer) Ptr {
	return Ptr(uintptr(unsafe.Pointer(C.py_arrow_capsule(C.int(k), p))))
}

// TakeArrow moves an array or a schema out of a capsule, while attached. An array is released from
// any goroutine, a schema attached.
func TakeArrow(k ArrowKind, capsule, to unsafe.Pointer) error {
	return arrowError(C.py_arrow_take(C.int(k), (*C.PyObject)(capsule), to, nil))
}

// TakeStream takes a stream out of its capsule, while attached. It lives as long as the object that
// is returned, a reference of the caller's.
func TakeStream(capsule unsafe.Pointer) (stream unsafe.Pointer, owner Ptr, err error) {
	var obj C.uint64_t
	err = arrowError(C.py_arrow_take(C.PY_ARROW_STREAM, (*C.PyObject)(capsule),
		unsafe.Pointer(&stream), &obj))
	return stream, Ptr(obj), err
}

// AdoptArrow moves an array that a stream gave, as TakeArrow does.
func AdoptArrow(from, to unsafe.Pointer) error { return arrowError(C.py_arrow_adopt(from, to)) }

// StreamSchema asks a stream for its schema. Its code is Python's, or C code that attaches itself:
// detached. An errno, or 0.
func StreamSchema(stream, to unsafe.Pointer) int { return int(C.py_arrow_schema(stream, to)) }

// StreamNext asks it for the next array, in the same way.
func StreamNext(stream, to unsafe.Pointer) int { return int(C.py_arrow_next(stream, to)) }

// StreamError is what the stream says of its last error.
func StreamError(stream unsafe.Pointer) string {
	if s := C.py_arrow_error(stream); s != nil {
		return C.GoString(s)
	}
	return ""
}

// ArrowOver tells whether an array is released: the end of a stream.
func ArrowOver(array unsafe.Pointer) bool { return C.py_arrow_over(array) != 0 }

// Arrays is the number of arrays and streams of Python's that Go holds.
func (in *Interp) Arrays() int { return int(C.py_arrow_arrays(in.p)) }

// DropRef gives a reference back, while attached.
func DropRef(p Ptr) { C.py_drop_ref(C.uint64_t(p)) }
