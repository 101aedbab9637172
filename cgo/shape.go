package cgo

// #include "host.h"
import "C"

import (
	"errors"
	"reflect"
	"strings"
	"unsafe"
)

var errNoMemory = errors.New("out of memory")

// Shape says what a target is made of, for C to make the most of what has several forms; 0 asks for
// nothing special. It is made once for a type and an interpreter, and never freed.
type Shape uint64

// ShapeNode is one type of those that a target is made of. Others are named by their place in the
// list, counted from 1; 0 asks for nothing special.
type ShapeNode struct {
	Kind      int
	Names     []string `json:",omitempty"` // of a struct's fields
	Fields    []int    `json:",omitempty"` // the types of the fields
	Elem, Key int
}

// ShapeFor gives the shape of what the pointer out points to.
func (in *Interp) ShapeFor(out any) Shape {
	t := ShapedType(out)
	if t == nil {
		return 0
	}
	return in.shape(t)
}

// ShapedType is what the pointer out points to, nil where no shape is needed.
func ShapedType(out any) reflect.Type {
	switch out.(type) {
	case nil, *int, *int64, *float64, *bool, *any:
		return nil
	}
	t := reflect.TypeOf(out)
	if t.Kind() != reflect.Pointer {
		return nil
	}
	return t.Elem()
}

func (in *Interp) shape(t reflect.Type) Shape {
	if s, ok := in.shapes.Load(t); ok {
		return s.(Shape)
	}
	s, _ := in.BuildShape(DescribeShape(t)) // what is described here is in order
	in.shapes.Store(t, s)
	return s
}

// DescribeShape describes the shape of a type, itself first, for BuildShape of an interpreter in
// another process. Empty: nothing special is asked for.
func DescribeShape(t reflect.Type) []ShapeNode {
	d := describer{at: map[reflect.Type]int{}}
	d.describe(t)
	return d.nodes
}

// BuildShape makes a shape of its description.
func (in *Interp) BuildShape(nodes []ShapeNode) (Shape, error) {
	made := make([]*C.struct_py_shape, len(nodes)+1)
	for i, n := range nodes {
		if !n.valid(len(nodes)) {
			return 0, ErrMalformed
		}
		if made[i+1] = in.newShape(&n); made[i+1] == nil {
			return 0, errNoMemory
		}
	}
	for i, n := range nodes {
		s, fields := made[i+1], C.uint32_t(len(n.Fields))
		for j, of := range n.Fields {
			C.py_shape_field(s, C.uint32_t(j), made[of])
		}
		C.py_shape_field(s, fields, made[n.Elem])
		C.py_shape_field(s, fields+1, made[n.Key])
	}
	if len(nodes) == 0 {
		return 0, nil
	}
	return Shape(uintptr(unsafe.Pointer(made[1]))), nil
}

func (n *ShapeNode) valid(nodes int) bool {
	for _, of := range append([]int{n.Elem, n.Key}, n.Fields...) {
		if of < 0 || of > nodes {
			return false
		}
	}
	return len(n.Names) == len(n.Fields) && !strings.Contains(strings.Join(n.Names, ""), "\x00")
}

func (in *Interp) newShape(n *ShapeNode) *C.struct_py_shape {
	text := strings.Join(append(n.Names, ""), "\x00")
	return C.py_shape_new(in.p, C.int(n.Kind), C.uint32_t(len(n.Fields)),
		(*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)))
}

type describer struct {
	nodes []ShapeNode
	at    map[reflect.Type]int
}

// describe gives the type's place, 0 where nothing special is asked for.
func (d *describer) describe(t reflect.Type) int {
	if at, ok := d.at[t]; ok {
		return at
	}
	kind, p := shapeKind(t)
	if kind == C.PY_S_ANY {
		// A type may point to itself, and to nothing else.
		if t.Kind() == reflect.Pointer && t.Elem().Kind() != reflect.Pointer {
			return d.describe(t.Elem())
		}
		return 0
	}
	at := len(d.nodes) + 1
	d.at[t] = at // before what it is made of, which may be itself
	d.nodes = append(d.nodes, ShapeNode{})
	n := ShapeNode{Kind: int(kind)}
	switch kind {
	case C.PY_S_MAP:
		n.Key, n.Elem = d.describe(t.Key()), d.describe(t.Elem())
	case C.PY_S_SEQ:
		n.Elem = d.describe(t.Elem())
	case C.PY_S_STRUCT:
		for _, f := range p.list {
			n.Names = append(n.Names, f.name)
			n.Fields = append(n.Fields, d.describe(f.typ))
		}
	}
	d.nodes[at-1] = n
	return at
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
