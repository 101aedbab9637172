package cgo

// #include "host.h"
import "C"

import (
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// Shape says what a target is made of, for C to make the most of what has several forms; 0 asks for
// nothing special. It is made once for a type and an interpreter, and never freed.
type Shape uint64

// shapes are those of one interpreter.
type shapes struct {
	made   sync.Map   // reflect.Type -> Shape
	mu     sync.Mutex // one goroutine makes shapes at a time
	making map[reflect.Type]*C.struct_py_shape
}

// ShapeFor gives the shape of what the pointer out points to.
func (in *Interp) ShapeFor(out any) Shape {
	switch out.(type) {
	case nil, *int, *int64, *float64, *bool, *any:
		return 0
	}
	t := reflect.TypeOf(out)
	if t.Kind() != reflect.Pointer {
		return 0
	}
	return in.shape(t.Elem())
}

func (in *Interp) shape(t reflect.Type) Shape {
	if s, ok := in.shapes.made.Load(t); ok {
		return s.(Shape)
	}
	in.shapes.mu.Lock()
	defer in.shapes.mu.Unlock()
	in.shapes.making = map[reflect.Type]*C.struct_py_shape{}
	s := in.makeShape(t)
	// Only now are those complete that refer to each other.
	for t, s := range in.shapes.making {
		in.shapes.made.Store(t, shapeOf(s))
	}
	in.shapes.made.Store(t, shapeOf(s))
	return shapeOf(s)
}

func shapeOf(s *C.struct_py_shape) Shape { return Shape(uintptr(unsafe.Pointer(s))) }

// makeShape gives nil where nothing special is asked for, or C's memory has run out. Under mu.
func (in *Interp) makeShape(t reflect.Type) *C.struct_py_shape {
	if got, ok := in.shapes.made.Load(t); ok {
		s := got.(Shape)
		return *(**C.struct_py_shape)(unsafe.Pointer(&s))
	}
	if s, ok := in.shapes.making[t]; ok {
		return s
	}
	kind, p := shapeKind(t)
	switch kind {
	case C.PY_S_ANY:
		// A type may point to itself, and to nothing else.
		if t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer {
			return in.makeShape(t.Elem())
		}
		return nil
	case C.PY_S_STRUCT:
		return in.structShape(t, p)
	}
	s := C.py_shape_new(in.p, kind, 0, nil, 0)
	in.shapes.making[t] = s
	if s == nil {
		return nil
	}
	switch kind {
	case C.PY_S_MAP:
		C.py_shape_field(s, 1, in.makeShape(t.Key()))
		C.py_shape_field(s, 0, in.makeShape(t.Elem()))
	case C.PY_S_SEQ:
		C.py_shape_field(s, 0, in.makeShape(t.Elem()))
	}
	return s
}

func (in *Interp) structShape(t reflect.Type, p *fields) *C.struct_py_shape {
	var names strings.Builder
	for _, f := range p.list {
		names.WriteString(f.name + "\x00")
	}
	text := names.String()
	s := C.py_shape_new(in.p, C.PY_S_STRUCT, C.uint32_t(len(p.list)),
		(*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
	in.shapes.making[t] = s
	for i := 0; s != nil && i < len(p.list); i++ {
		C.py_shape_field(s, C.uint32_t(i), in.makeShape(p.list[i].typ))
	}
	return s
}

const kindStruct = C.PY_S_STRUCT

// plainly: what an any would get is asked for.
func plainly(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t.Implements(unmarshalerType) ||
		reflect.PointerTo(t).Implements(unmarshalerType) || t == timeType || t == durationType ||
		t == setType || t == tupleType || t == bigIntType
}

func shapeKind(t reflect.Type) (C.int, *fields) {
	switch {
	case IsHandle(t):
		return C.PY_S_OBJECT, nil
	case plainly(t):
		return C.PY_S_ANY, nil
	case t == bigRatType:
		return C.PY_S_RATIO, nil
	case t == decimalType:
		return C.PY_S_DECIMAL, nil
	case is16Bytes(t):
		return C.PY_S_UUID, nil
	case t.Kind() == reflect.String, reflect.PointerTo(t).Implements(textUnmarshalerType):
		return C.PY_S_TEXT, nil
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return sequenceShape(t.Elem()), nil
	case reflect.Map:
		return C.PY_S_MAP, nil
	case reflect.Struct:
		if p := fieldsOf(t); validNames(p) {
			return C.PY_S_STRUCT, p
		}
	}
	return C.PY_S_ANY, nil
}

// The names cross with a NUL at their end.
func validNames(p *fields) bool {
	for _, f := range p.list {
		if strings.IndexByte(f.name, 0) >= 0 {
			return false
		}
	}
	return true
}

func sequenceShape(elem reflect.Type) C.int {
	if !plain(elem) || reflect.PointerTo(elem).Implements(unmarshalerType) {
		return C.PY_S_SEQ
	}
	switch elem.Kind() {
	case reflect.Uint8:
		return C.PY_S_BYTES
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return C.PY_S_INTS
	case reflect.Float32, reflect.Float64:
		return C.PY_S_FLOATS
	}
	return C.PY_S_SEQ
}
