package cgo

// #include "host.h"
import "C"

import (
	"math"
	"reflect"
	"strings"
	"unsafe"
)

// Callable is a Go function that Python calls. It must not panic.
type Callable interface {
	// Call takes the arguments from the invocation and puts the answer there.
	Call(v *Invocation)
}

// FuncSpec says how Python sees a function.
type FuncSpec struct {
	Name, Module, Doc string
	Signature         string // as in a def: "(a: int, b: int, /) -> int"
	Attached          bool   // it is called attached; otherwise others run Python meanwhile
	Scalars           bool   // it takes Invocation.Int and the like where all are single numbers
	Variadic          bool
	Positional        int     // so many of Params go by place too, the others by keyword alone
	Required          int     // so many of those must be given
	Params            []Param // and with Variadic one more, of the rest
}

// Param is a parameter.
type Param struct {
	Name  string // "" for one that goes by its place alone
	Type  reflect.Type
	Shape Shape // what it asks for, where Type is not known: in another process
}

// Dropped is a Callable, or a value, that wants to know that Python has no more use for it. It is
// told by any thread, maybe attached: it must not block.
type Dropped interface{ Dropped() }

// GoPtr is what Go and the Python objects share that stand for a value or a function of Go.
type GoPtr uintptr

func goPtr(p *C.struct_py_go) GoPtr { return GoPtr(uintptr(unsafe.Pointer(p))) }

func (p GoPtr) c() *C.struct_py_go { return *(**C.struct_py_go)(unsafe.Pointer(&p)) }

// NewFunc makes a function ready to cross. The caller has a hold on it: see Release. 0: C's memory
// has run out.
func (in *Interp) NewFunc(fn Callable, s *FuncSpec) GoPtr {
	n := len(s.Params)
	texts := []string{s.Name, s.Module, s.Doc, s.Signature}
	for _, p := range s.Params {
		texts = append(texts, p.Name)
	}
	flags := C.int(0)
	if s.Attached {
		flags |= C.PY_FUNC_ATTACHED
	}
	if s.Scalars {
		flags |= C.PY_FUNC_SCALARS
	}
	if s.Variadic {
		flags |= C.PY_FUNC_VARIADIC
		n--
	}
	names := strings.Join(texts, "\x00") + "\x00"
	id := live.put(fn)
	f := C.py_func_new(in.p, C.uint64_t(id), flags, C.uint32_t(n),
		(*C.char)(unsafe.Pointer(unsafe.StringData(names))), C.size_t(len(names)))
	if f == nil {
		live.drop(id)
		return 0
	}
	f.npos, f.nrequired = C.uint32_t(s.Positional), C.uint32_t(s.Required)
	for i, p := range s.Params {
		shape := p.Shape
		if p.Type != nil {
			shape = in.shape(p.Type)
		}
		C.py_func_param(f, C.uint32_t(i), *(**C.struct_py_shape)(unsafe.Pointer(&shape)))
	}
	return goPtr(&f._go)
}

// NewValue makes a value ready to cross as itself, as NewFunc does.
func (in *Interp) NewValue(v any) GoPtr {
	id := live.put(v)
	g := C.py_go_new(in.p, C.uint64_t(id))
	if g == nil {
		live.drop(id)
	}
	return goPtr(g)
}

// Release gives up a hold. Any goroutine; the last one forgets the value.
func (p GoPtr) Release() {
	if p != 0 {
		C.py_go_release(p.c())
	}
}

// value looks it up, while it is held.
func (p GoPtr) value() any { return live.get(uint64(p.c().id)) }

// EndCalls has calls of Go functions refused from now on.
func (in *Interp) EndCalls() { C.py_end_calls(in.p) }

// Invocation is one call of a Go function by Python. It is valid until Call returns.
type Invocation C.struct_py_invoke

// Scalars is the number of arguments that are single numbers, 0 if not all are.
func (v *Invocation) Scalars() int {
	n := 0
	for kinds := v.kinds; kinds != 0; kinds >>= 4 {
		n++
	}
	return n
}

func (v *Invocation) scalarKind(i int) byte { return byte(v.kinds >> (4 * i) & 15) }

// KindName is the Python type of scalar i.
func (v *Invocation) KindName(i int) string { return tagNames[v.scalarKind(i)] }

// Int is scalar i, if it is an int.
func (v *Invocation) Int(i int) (int64, bool) {
	return int64(v.bits[i]), v.scalarKind(i) == tagInt
}

// Float is scalar i, if it is a float or an int.
func (v *Invocation) Float(i int) (float64, bool) {
	if v.scalarKind(i) == tagInt {
		return float64(int64(v.bits[i])), true
	}
	return math.Float64frombits(uint64(v.bits[i])), v.scalarKind(i) == tagFloat
}

// SetInt answers with an int.
func (v *Invocation) SetInt(n int64) { v.answerScalar(tagInt, uint64(n)) }

// SetFloat answers with a float.
func (v *Invocation) SetFloat(f float64) { v.answerScalar(tagFloat, math.Float64bits(f)) }

// SetNone answers with None.
func (v *Invocation) SetNone() { v.answerScalar(tagNone, 0) }

func (v *Invocation) answerScalar(kind byte, bits uint64) {
	v.bits[0] = C.uint64_t(bits)
	v.kind = C.int32_t(kind)
}

// Values is the number of encoded arguments.
func (v *Invocation) Values() int { return int(v.n) }

// Args are the encoded arguments, and their large blobs: see Frame.Fetch.
func (v *Invocation) Args(giveBack func(Ptr)) (buf []byte, far [][]byte) {
	f := v.frame()
	return f.Result(), f.Fetch(giveBack)
}

func (v *Invocation) frame() *Frame { return (*Frame)(unsafe.Pointer(&v.f)) }

// Free gives back the memory of the arguments.
func (v *Invocation) Free() { v.frame().Free() }

// Inside tells whether the thread that calls holds a place of the gate.
func (v *Invocation) Inside() bool { return v.inside != 0 }

// Queued tells that others wait at the gate, where there is more room now.
func (v *Invocation) Queued() bool { return v.queued != 0 }

// Caller is the frame of the call that called the function, nil if there is none.
func (v *Invocation) Caller() *Frame { return *(**Frame)(unsafe.Pointer(&v.caller)) }

// Answer gives the encoded answer: a value, or with raised what makes an exception. A long one, and
// one that needs what done holds, is read from where it is, and done is called then; the caller has
// pinned it. It tells whether done will be called.
func (v *Invocation) Answer(buf []byte, raised bool, done func()) bool {
	if raised {
		v.f.status = C.PY_RAISED
	}
	p := (*byte)(&v.f.buf[0])
	if len(buf) <= len(v.f.buf) {
		copy(unsafe.Slice(p, len(v.f.buf)), buf)
	} else {
		p = &buf[0]
	}
	v.answer, v.len = C.uint64_t(uintptr(unsafe.Pointer(p))), C.uint64_t(len(buf))
	if done != nil {
		v.done = C.uint64_t(live.put(done))
	}
	return done != nil
}

// MaxAnswer is the length up to which an answer is copied.
const MaxAnswer = C.PY_FRAME_BUF

//export go_call
func go_call(id C.uint64_t, inv *C.struct_py_invoke) {
	live.get(uint64(id)).(Callable).Call((*Invocation)(inv))
}

//export go_drop
func go_drop(id C.uint64_t) {
	v := live.get(uint64(id))
	live.drop(uint64(id))
	if d, ok := v.(Dropped); ok {
		d.Dropped()
	}
}

//export go_done
func go_done(id C.uint64_t) {
	done := live.get(uint64(id)).(func())
	live.drop(uint64(id))
	done()
}
