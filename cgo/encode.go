package cgo

// #include "host.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"unsafe"
)

// RefFunc gives the object that v stands for: ok is false if v is no handle to a Python object.
type RefFunc func(v any) (p Ptr, ok bool, err error)

// Encoder turns Go values into the form in which they cross.
type Encoder struct {
	Buf   []byte
	Ref   RefFunc
	Class func(t reflect.Type) (Ptr, bool) // the Python class that t is registered for; may be nil
	// Func makes a function ready to cross; nil: none can.
	Func func(f *Function) (GoPtr, error)
	// Iterator gives what makes a Python iterator of a sequence or a channel.
	Iterator func(v reflect.Value) Made
	// Instance gives the Python class that stands for the type of the struct v, or of the one that
	// v points to, and makes it ready to cross; ok is false if there is none. May be nil.
	Instance func(v reflect.Value) (p GoPtr, class Ptr, ok bool)
	// Pin keeps large blobs where they are until the call has run, so that they need not be copied
	// twice; nil: they are.
	Pin    *runtime.Pinner
	Pinned bool // something is
	// Exports are those in Buf, which names them by address: to be kept until the call has run.
	Exports []*Export
	// Share makes what is Far of an Export ready to cross, where Marks are wanted; nil: none can.
	Share func(far any) (GoPtr, error)
	// Marks gets where the numbers of objects and the addresses of large blobs stand in Buf, for a
	// reader in another process; nil: they are not wanted. Then the blobs need not be pinned.
	Marks *Marks
	// Layouts: structs of one type do not name their fields again and again. For C to read, which
	// keeps the names; a Decoder does not.
	Layouts bool

	met, layouts []*fields // of the structs in Buf: the first types, and those with a layout
}

// Reset empties Buf.
func (e *Encoder) Reset() { e.Buf, e.met, e.layouts = e.Buf[:0], e.met[:0], e.layouts[:0] }

// Marks are the places of numbers that mean something else in another process.
type Marks struct {
	Refs []int // of what Ref and Class gave
	Gos  []int // of functions, values and shared buffers of Go, behind their tags
	Fars []Far // of blobs that were left where they are
}

// Far is a blob that was left where it is.
type Far struct {
	At   int // where its address stands, its length behind it
	Data []byte
}

// mark notes where the number of something of Go stands, which was just appended.
func (e *Encoder) mark() {
	if e.Marks != nil {
		e.Marks.Gos = append(e.Marks.Gos, len(e.Buf)-8)
	}
}

const farMin = C.PY_FAR_MIN

// far leaves a blob where it is.
func (e *Encoder) far(t byte, p *byte, n int) {
	e.Buf = append(e.Buf, tagFar, t)
	if e.Marks != nil {
		e.Marks.Fars = append(e.Marks.Fars, Far{len(e.Buf), unsafe.Slice(p, n)})
	} else {
		e.Pin.Pin(p)
		e.Pinned = true
	}
	e.Number(uint64(uintptr(unsafe.Pointer(p))))
	e.Number(uint64(n))
}

// apart: large blobs are left where they are.
func (e *Encoder) apart(n int) bool { return n >= farMin && (e.Pin != nil || e.Marks != nil) }

// ref appends the number of an object.
func (e *Encoder) ref(p Ptr) {
	e.word(tagRef, uint64(p))
	if e.Marks != nil {
		e.Marks.Refs = append(e.Marks.Refs, len(e.Buf)-8)
	}
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
		if _, ok := a.(Kw); ok {
			return prefix(fmt.Sprintf("argument %d", i+1), errKw)
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

var errKw = errors.New("a Kw must be the last argument, and there can be only one")

// Value appends v.
func (e *Encoder) Value(v any) error { return e.value(v, 0) }

// Dict appends a dict of keys and values, which take turns.
func (e *Encoder) Dict(pairs []any) error {
	e.word(tagDict, uint64(len(pairs)/2))
	for i, v := range pairs {
		if err := e.value(v, 1); err != nil {
			return prefix(fmt.Sprintf("argument %d", i+1), err)
		}
	}
	return nil
}

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
	case []any:
		return e.list(v, depth)
	case map[string]any:
		return e.object(v, depth)
	default:
		rv := reflect.ValueOf(v)
		return encoderOf(rv.Type())(e, rv, depth)
	}
	return nil
}

func tooDeep() error {
	return fmt.Errorf("value is nested deeper than %d levels or a cycle", MaxDepth)
}

// list and object are the two that decoded JSON is made of.
func (e *Encoder) list(v []any, depth int) error {
	if v == nil {
		e.tag(tagNone)
		return nil
	}
	if depth > MaxDepth {
		return tooDeep()
	}
	e.word(tagList, uint64(len(v)))
	for i, item := range v {
		if err := e.value(item, depth+1); err != nil {
			return atIndex(i, err)
		}
	}
	return nil
}

func (e *Encoder) object(v map[string]any, depth int) error {
	if v == nil {
		e.tag(tagNone)
		return nil
	}
	if depth > MaxDepth {
		return tooDeep()
	}
	e.word(tagDict, uint64(len(v)))
	for k, item := range v {
		e.str(k)
		if err := e.value(item, depth+1); err != nil {
			return prefix("["+strconv.Quote(k)+"]", err)
		}
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

// Tuple appends the head of a tuple of n values.
func (e *Encoder) Tuple(n int) { e.word(tagTuple, uint64(n)) }

// Go appends a value of Go as itself, an object of the class, or of none if class is 0.
func (e *Encoder) Go(p GoPtr, class Ptr) {
	e.word(tagGo, uint64(p))
	e.mark()
	e.Number(uint64(class))
}

// special appends what stands for a value that has a class of its own; its plain value follows.
func (e *Encoder) special(what byte) { e.Buf = append(e.Buf, tagSpecial, what) }

// words appends 64-bit numbers, which lie in memory as they cross: little-endian.
func (e *Encoder) words(t byte, p unsafe.Pointer, n int) {
	e.word(t, uint64(n))
	e.Buf = append(e.Buf, unsafe.Slice((*byte)(p), 8*n)...)
}
