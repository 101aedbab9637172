package cgo

// #include "host.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
)

// Tuple is a Python tuple.
type Tuple []any

// Set of tags that values cross with; the form is described in host.h.
const (
	tagNone   = C.PY_T_NONE
	tagFalse  = C.PY_T_FALSE
	tagTrue   = C.PY_T_TRUE
	tagInt    = C.PY_T_INT
	tagBig    = C.PY_T_BIG
	tagFloat  = C.PY_T_FLOAT
	tagStr8   = C.PY_T_STR8
	tagStr    = C.PY_T_STR
	tagBytes  = C.PY_T_BYTES
	tagList   = C.PY_T_LIST
	tagTuple  = C.PY_T_TUPLE
	tagDict   = C.PY_T_DICT
	tagInts   = C.PY_T_INTS
	tagFloats = C.PY_T_FLOATS
	tagRef    = C.PY_T_REF
	tagObject = C.PY_T_OBJECT
)

// MaxDepth is how deep a value may be nested, either way.
const MaxDepth = C.PY_MAX_DEPTH

// RefFunc gives the object that v stands for: ok is false if v is no handle to a Python object.
type RefFunc func(v any) (p Ptr, ok bool, err error)

// Encoder turns Go values into the form in which they cross.
type Encoder struct {
	Buf []byte
	Ref RefFunc
}

// Number appends a plain number: a length, a code object.
func (e *Encoder) Number(n uint64) { e.Buf = binary.LittleEndian.AppendUint64(e.Buf, n) }

// Args appends the arguments of a call.
func (e *Encoder) Args(args []any, kw map[string]any) error {
	n := uint64(len(args))
	if kw != nil {
		n |= 1 << 63
	}
	e.Number(n)
	for i, a := range args {
		if n, ok := a.(int); ok { // the shortest way for what is passed most
			e.int(int64(n))
			continue
		}
		if err := e.Value(a); err != nil {
			return prefix(fmt.Sprintf("argument %d", i+1), err)
		}
	}
	if kw == nil {
		return nil
	}
	if err := e.Value(kw); err != nil {
		return prefix("keyword arguments", err)
	}
	return nil
}

// Value appends v.
func (e *Encoder) Value(v any) error { return e.value(v, 0) }

func (e *Encoder) value(v any, depth int) error {
	switch v := v.(type) {
	case nil:
		e.tag(tagNone)
	case bool:
		e.bool(v)
	case int:
		e.int(int64(v))
	case int64:
		e.int(v)
	case float64:
		e.word(tagFloat, math.Float64bits(v))
	case string:
		e.str(v)
	case []byte:
		e.bytes(v)
	case *big.Int:
		e.big(v)
	default:
		return e.other(v, depth)
	}
	return nil
}

func putNumber(b []byte, n uint64) { binary.LittleEndian.PutUint64(b, n) }

func (e *Encoder) tag(t byte) { e.Buf = append(e.Buf, t) }

func (e *Encoder) word(t byte, w uint64) {
	n := len(e.Buf)
	if cap(e.Buf)-n < 9 {
		e.Buf = slices.Grow(e.Buf, 9)
	}
	e.Buf = e.Buf[:n+9]
	e.Buf[n] = t
	binary.LittleEndian.PutUint64(e.Buf[n+1:], w)
}

func (e *Encoder) bool(v bool) {
	if v {
		e.tag(tagTrue)
	} else {
		e.tag(tagFalse)
	}
}

func (e *Encoder) int(v int64) { e.word(tagInt, uint64(v)) }

func (e *Encoder) uint(v uint64) {
	if v <= math.MaxInt64 {
		e.int(int64(v))
	} else {
		e.big(new(big.Int).SetUint64(v))
	}
}

func (e *Encoder) str(s string) {
	if len(s) < 256 {
		e.Buf = append(e.Buf, tagStr8, byte(len(s)))
	} else {
		e.word(tagStr, uint64(len(s)))
	}
	e.Buf = append(e.Buf, s...)
}

func (e *Encoder) bytes(b []byte) {
	if b == nil {
		e.tag(tagNone)
		return
	}
	e.word(tagBytes, uint64(len(b)))
	e.Buf = append(e.Buf, b...)
}

// Two's complement, little-endian, with room for the sign.
func (e *Encoder) big(v *big.Int) {
	if v == nil {
		e.tag(tagNone)
		return
	}
	if v.IsInt64() {
		e.int(v.Int64())
		return
	}
	n := v.BitLen()/8 + 1
	e.word(tagBig, uint64(n))
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	at := len(e.Buf)
	e.Buf = append(e.Buf, make([]byte, n)...)
	b := v.FillBytes(e.Buf[at:])
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func (e *Encoder) other(v any, depth int) error {
	switch v := v.(type) {
	case []int64:
		if v != nil {
			e.ints(v)
			return nil
		}
	case []float64:
		if v != nil {
			e.floats(v)
			return nil
		}
	}
	if e.Ref != nil {
		p, ok, err := e.Ref(v)
		if err != nil {
			return err
		}
		if ok {
			e.word(tagRef, uint64(p))
			return nil
		}
	}
	return e.reflected(reflect.ValueOf(v), depth)
}

func (e *Encoder) ints(v []int64) {
	e.word(tagInts, uint64(len(v)))
	for _, n := range v {
		e.Number(uint64(n))
	}
}

func (e *Encoder) floats(v []float64) {
	e.word(tagFloats, uint64(len(v)))
	for _, f := range v {
		e.Number(math.Float64bits(f))
	}
}

func (e *Encoder) reflected(v reflect.Value, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("value is nested deeper than %d levels or a cycle", MaxDepth)
	}
	switch v.Kind() {
	case reflect.Bool:
		e.bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Uintptr:
		e.uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		e.word(tagFloat, math.Float64bits(v.Float()))
	case reflect.String:
		e.str(v.String())
	case reflect.Slice, reflect.Array:
		return e.sequence(v, depth)
	case reflect.Map:
		return e.dict(v, depth)
	case reflect.Struct:
		return e.structure(v, depth)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			e.tag(tagNone)
			return nil
		}
		return e.nested(v.Elem(), depth)
	default:
		return fmt.Errorf("%s has no Python form", v.Type())
	}
	return nil
}

// nested goes through value where it can: a handle or a *big.Int may stand anywhere.
func (e *Encoder) nested(v reflect.Value, depth int) error {
	if v.CanInterface() {
		return e.value(v.Interface(), depth+1)
	}
	return e.reflected(v, depth+1)
}

func (e *Encoder) sequence(v reflect.Value, depth int) error {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.tag(tagNone)
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		e.byteString(v)
		return nil
	}
	t := byte(tagList)
	if v.Type() == reflect.TypeFor[Tuple]() {
		t = tagTuple
	}
	e.word(t, uint64(v.Len()))
	for i := range v.Len() {
		if err := e.nested(v.Index(i), depth); err != nil {
			return prefix("["+strconv.Itoa(i)+"]", err)
		}
	}
	return nil
}

func (e *Encoder) byteString(v reflect.Value) {
	e.word(tagBytes, uint64(v.Len()))
	for i := range v.Len() {
		e.Buf = append(e.Buf, byte(v.Index(i).Uint()))
	}
}

func (e *Encoder) dict(v reflect.Value, depth int) error {
	if v.IsNil() {
		e.tag(tagNone)
		return nil
	}
	e.word(tagDict, uint64(v.Len()))
	for it := v.MapRange(); it.Next(); {
		if err := e.nested(it.Key(), depth); err != nil {
			return prefix(" key", err)
		}
		if err := e.nested(it.Value(), depth); err != nil {
			return prefix(fmt.Sprintf("[%#v]", it.Key()), err)
		}
	}
	return nil
}
