package cgo

// #include "host.h"
import "C"

import (
	"encoding/binary"
	"math"
)

// MaxScalars is the number of arguments that Scalars takes.
const MaxScalars = C.PY_SCALARS

// Scalars are the arguments of a call that are all single numbers.
type Scalars struct {
	kinds uint64
	bits  [MaxScalars]uint64
}

// Set takes the arguments. False: they are not all single numbers, or too many.
func (s *Scalars) Set(args []any) bool {
	if len(args) > MaxScalars {
		return false
	}
	for i, a := range args {
		kind := uint64(tagInt)
		switch a := a.(type) {
		case int:
			s.bits[i] = uint64(a)
		case int64:
			s.bits[i] = uint64(a)
		case float64:
			s.bits[i], kind = math.Float64bits(a), tagFloat
		case bool:
			if kind = tagFalse; a {
				kind = tagTrue
			}
		default:
			return false
		}
		s.kinds |= kind << (4 * i)
	}
	return true
}

// Scalar is a result. Where it is no single number it is an object, or an exception.
type Scalar struct {
	bits uint64
	kind byte
	Op   Op // for Run, to encode the object, with Obj; else 0
}

// Obj is the object: the result, or what Op is for.
func (r *Scalar) Obj() uint64 { return r.bits }

// Nested has CallScalars refuse, by StatusNotAttached, unless the OS thread is attached to the
// interpreter already.
const Nested = C.PY_NESTED

// CallScalars attaches, calls and detaches. It has no frame: it can be neither cancelled nor timed.
// how is 0, FlagBaton or Nested.
func (in *Interp) CallScalars(name Name, how uint32, s *Scalars) (Scalar, Status) {
	r := C.py_call_scalars(in.addr, C.uint64_t(name), C.int(how), C.uint64_t(s.kinds),
		C.uint64_t(s.bits[0]), C.uint64_t(s.bits[1]), C.uint64_t(s.bits[2]))
	out := Scalar{bits: uint64(r.bits), kind: byte(r.kind)}
	switch {
	case r.status == C.PY_RAISED && r.bits != 0:
		out.Op = OpRaise
	case r.status != C.PY_OK:
		return out, Status(r.status)
	case r.kind == C.PY_T_OBJECT:
		out.Op = OpDecode
	}
	return out, StatusOK
}

// Into stores the number in dst, a pointer of the obvious type or nil. False: it does not fit
// there, as it is.
func (r *Scalar) Into(dst any) bool {
	switch dst := dst.(type) {
	case nil:
		return true
	case *int:
		if r.kind == tagInt {
			*dst = int(r.bits)
			return true
		}
	case *int64:
		if r.kind == tagInt {
			*dst = int64(r.bits)
			return true
		}
	case *float64:
		if r.kind == tagFloat {
			*dst = math.Float64frombits(r.bits)
			return true
		}
	}
	return false
}

// Encoded is the number in the form in which values cross.
func (r *Scalar) Encoded() []byte {
	if r.kind != tagInt && r.kind != tagFloat {
		return []byte{r.kind}
	}
	return binary.LittleEndian.AppendUint64([]byte{r.kind}, r.bits)
}
