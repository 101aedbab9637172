package cgo

// #include "host.h"
import "C"

import (
	"math"
	"unsafe"
)

// ObjectOp is an operation on an object, while attached, whose result is encoded.
type ObjectOp int

// The operations of Object.
const (
	ObjStr      ObjectOp = C.PY_OBJ_STR
	ObjRepr     ObjectOp = C.PY_OBJ_REPR
	ObjDir      ObjectOp = C.PY_OBJ_DIR
	ObjTypeName ObjectOp = C.PY_OBJ_TYPE_NAME
	ObjDecode   ObjectOp = C.PY_OBJ_DECODE
	ObjEval     ObjectOp = C.PY_OBJ_EVAL // arg as of OpEval
	ObjExec     ObjectOp = C.PY_OBJ_EXEC // arg as of OpExec
	ObjView     ObjectOp = C.PY_OBJ_VIEW // arg: a byte, 1 to write; gives a View

	// ObjPending takes the exception that other code of the C API left set on the thread, and gives
	// nothing. It attaches the thread again if that code has detached it.
	ObjPending ObjectOp = C.PY_OBJ_PENDING
)

// Object performs op on the OS thread that is attached by the frame `thread`.
func (in *Interp) Object(thread, f *Frame, op ObjectOp, obj Ptr, arg []byte) Status {
	p, n := data(arg)
	return Status(C.py_object(in.addr, &thread.c, &f.c, C.int(op), C.uint64_t(obj), p, n))
}

// Do is an operation whose operands and result are objects or numbers.
type Do uint64

// The operations of Operate. X and Y are the operands.
const (
	DoValue      Do = C.PY_DO_VALUE       // gives X
	DoIntern     Do = C.PY_DO_INTERN      // gives X, a text, interned
	DoImport     Do = C.PY_DO_IMPORT      // X: the name; gives the module
	DoModule     Do = C.PY_DO_MODULE      // the same of one that is loaded
	DoBuiltin    Do = C.PY_DO_BUILTIN     // X: the name; gives an object
	DoFind       Do = C.PY_DO_FIND        // Raw: a Name; gives an object
	DoAttr       Do = C.PY_DO_ATTR        // X: the name; gives an object
	DoSetAttr    Do = C.PY_DO_SET_ATTR    // X: the name, Y: the value
	DoDelAttr    Do = C.PY_DO_DEL_ATTR    // X: the name
	DoHasAttr    Do = C.PY_DO_HAS_ATTR    // X: the name; gives 0 or 1
	DoItem       Do = C.PY_DO_ITEM        // X: the key; gives an object
	DoSetItem    Do = C.PY_DO_SET_ITEM    // X: the key, Y: the value
	DoDelItem    Do = C.PY_DO_DEL_ITEM    // X: the key
	DoContains   Do = C.PY_DO_CONTAINS    // gives 0 or 1
	DoLen        Do = C.PY_DO_LEN         // gives a number
	DoTruth      Do = C.PY_DO_TRUTH       // gives 0 or 1
	DoHash       Do = C.PY_DO_HASH        // gives a number
	DoNumber     Do = C.PY_DO_NUMBER      // gives the object as a number, or the object
	DoType       Do = C.PY_DO_TYPE        // gives an object
	DoIs         Do = C.PY_DO_IS          // gives 0 or 1
	DoIsInstance Do = C.PY_DO_IS_INSTANCE // X: a class, a tuple of classes; gives 0 or 1
	DoCompare    Do = C.PY_DO_COMPARE     // Raw: a Letters; gives 0 or 1
	DoBinary     Do = C.PY_DO_BINARY      // Raw: a Letters; gives an object
	DoUnary      Do = C.PY_DO_UNARY       // Raw: a Letters; gives an object
	DoIter       Do = C.PY_DO_ITER        // gives an object
	DoNext       Do = C.PY_DO_NEXT        // gives an object, or nothing at the end
	DoCall       Do = C.PY_DO_CALL        // Encoded: the arguments; gives an object
	DoMethod     Do = C.PY_DO_METHOD      // X: the name, an object; Encoded: the arguments
)

// Letters are those of an operator, as a number.
func Letters(op string) (n uint64) {
	for i := range len(op) {
		n |= uint64(op[i]) << (8 * i)
	}
	return n
}

// Operation is an operation and its operands, in registers as far as possible.
type Operation struct {
	what, x, y uint64
	text       *byte
	n          int
}

const (
	rawKind     = C.PY_X_RAW
	textKind    = C.PY_X_TEXT
	encodedKind = C.PY_X_ENCODED
	atX, atY    = 8, 16 // where their kinds are
)

// Operate begins an operation that has no operands yet.
func Operate(do Do) Operation { return Operation{what: uint64(do) | rawKind<<atX | rawKind<<atY} }

// Raw takes a number that is no object, in the place of Y.
func (o *Operation) Raw(n uint64) { o.y = n }

func (o *Operation) set(at int, kind, bits uint64) {
	o.what = o.what&^(255<<at) | kind<<at
	if at == atX {
		o.x = bits
	} else {
		o.y = bits
	}
}

// XObject takes an object, which the caller holds, as X.
func (o *Operation) XObject(p Ptr) { o.set(atX, tagRef, uint64(p)) }

// YObject takes an object, which the caller holds, as Y.
func (o *Operation) YObject(p Ptr) { o.set(atY, tagRef, uint64(p)) }

// X takes a number, a bool, nil or a text. False: it is none of them.
func (o *Operation) X(v any) bool { return o.scalar(atX, v) }

// Y is X for the other one. Of the two one may be a text.
func (o *Operation) Y(v any) bool { return o.scalar(atY, v) }

// XText takes a text as X.
func (o *Operation) XText(s string) { o.set(atX, textKind, 0); o.take(s) }

func (o *Operation) hasText() bool {
	return o.what>>atX&255 == textKind || o.what>>atY&255 == textKind
}

func (o *Operation) take(s string) { o.text, o.n = unsafe.StringData(s), len(s) }

func (o *Operation) scalar(at int, v any) bool {
	switch v := v.(type) {
	case int:
		o.set(at, tagInt, uint64(v))
	case int64:
		o.set(at, tagInt, uint64(v))
	case float64:
		o.set(at, tagFloat, math.Float64bits(v))
	case nil:
		o.set(at, tagNone, 0)
	case bool:
		kind := uint64(tagFalse)
		if v {
			kind = tagTrue
		}
		o.set(at, kind, 0)
	case string:
		if o.hasText() {
			return false
		}
		o.set(at, textKind, 0)
		o.take(v)
	default:
		return false
	}
	return true
}

// Encoded takes what is encoded: the arguments of a call.
func (o *Operation) Encoded(buf []byte) { o.text, o.n = unsafe.SliceData(buf), len(buf) }

// EncodedX says that buf holds X, encoded; the same goes for EncodedY, whose buf holds X first if
// that is encoded too.
func (o *Operation) EncodedX(buf []byte) { o.set(atX, encodedKind, 0); o.Encoded(buf) }

// EncodedY is EncodedX for Y.
func (o *Operation) EncodedY(buf []byte) { o.set(atY, encodedKind, 0); o.Encoded(buf) }

// Operate performs an operation on the OS thread that is attached by the frame `thread`. The status
// is StatusRaised if there is an exception: Run of OpRaise tells which.
func (in *Interp) Operate(thread *Frame, obj Ptr, o *Operation) (Scalar, Status) {
	r := C.py_operate(in.addr, &thread.c, C.uint64_t(obj), C.uint64_t(o.what), C.uint64_t(o.x),
		C.uint64_t(o.y), (*C.uint8_t)(unsafe.Pointer(o.text)), C.size_t(o.n))
	return Scalar{bits: uint64(r.bits), kind: byte(r.kind)}, Status(r.status)
}

// Got is an object that the caller owns, or says why there is none.
type Got uint64

// GetAttr gives the attribute of a name, which is an object. Like the other two it is Operate of
// the same, by the shortest way.
func (in *Interp) GetAttr(thread *Frame, obj, name Ptr) Got {
	return Got(C.py_get_attr(&thread.c, C.uint64_t(obj), C.uint64_t(name)))
}

// GetIndex gives the item of a number.
func (in *Interp) GetIndex(thread *Frame, obj Ptr, i int) Got {
	return Got(C.py_get_index(&thread.c, C.uint64_t(obj), C.int64_t(i)))
}

// GetKey gives the item of a text.
func (in *Interp) GetKey(thread *Frame, obj Ptr, key string) Got {
	p := (*C.uint8_t)(unsafe.Pointer(unsafe.StringData(key)))
	return Got(C.py_get_key(&thread.c, C.uint64_t(obj), p, C.size_t(len(key))))
}

// Obj is the object, 0 if there is none.
func (g Got) Obj() Ptr {
	if g&(C.PY_GOT_EXCEPTION|C.PY_GOT_NOTHING) != 0 {
		return 0
	}
	return Ptr(g)
}

// Failure is what Operate would have given, where there is no object.
func (g Got) Failure() (Scalar, Status) {
	if g&C.PY_GOT_NOTHING != 0 {
		return Scalar{}, StatusNotAttached
	}
	return Scalar{bits: uint64(g &^ C.PY_GOT_EXCEPTION), kind: tagObject}, StatusRaised
}

// IsObject tells whether the result is an object; the caller owns the reference then.
func (r *Scalar) IsObject() bool { return r.kind == tagObject }

// Int is the result where that is an int.
func (r *Scalar) Int() int64 { return int64(r.bits) }

// Release gives objects back at once, while attached by the frame.
func (in *Interp) Release(thread *Frame, objs []Ptr) Status {
	p := (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(objs)))
	return Status(C.py_release(&thread.c, p, C.size_t(len(objs))))
}

// Incref takes one more reference, while attached by the frame.
func (in *Interp) Incref(thread *Frame, obj Ptr) Status {
	return Status(C.py_incref(&thread.c, C.uint64_t(obj)))
}

// Foreign tells that other packages use the C API on threads that are attached: from now on it is
// looked for what they leave there. Before Python is started.
func Foreign() { C.py_foreign = 1 }
