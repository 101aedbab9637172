package cgo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// ErrMalformed is the error of a buffer that no encoder wrote.
var ErrMalformed = errors.New("malformed value buffer")

// PathError says where in a value something did not fit, as "result[3].price".
type PathError struct {
	Path string
	Err  error
}

func (e *PathError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap gives the error without its place.
func (e *PathError) Unwrap() error { return e.Err }

func prefix(path string, err error) error {
	var p *PathError
	if errors.As(err, &p) {
		return &PathError{path + shorten(p.Path), p.Err}
	}
	return &PathError{path, err}
}

// shorten leaves the middle of a long path out: that of a cycle goes 1,000 levels down.
func shorten(path string) string {
	const head, tail = 100, 200
	if len(path) <= head+tail+len("…") {
		return path
	}
	return strings.ToValidUTF8(path[:head], "") + "…" +
		strings.ToValidUTF8(path[len(path)-tail:], "")
}

// Decoder reads values in the form in which they cross.
type Decoder struct {
	Buf []byte
	Far [][]byte // of Frame.Fetch
	// Object makes a handle of an object, and owns its reference from then on.
	Object func(p Ptr, typ string) any
	// Own makes a handle of type t of an object, in a Thread; nil: there is none, and Object does.
	Own func(p Ptr, t reflect.Type) any
	// Trusted: the buffer comes from C, whose addresses of Go values are good.
	Trusted bool
	// Value gives the value of Go that a number stands for, in a buffer that is not Trusted; nil:
	// there are none.
	Value func(number uint64) (v any, ok bool)
	// Class is the type that a Python class was registered for; may be nil.
	Class func(number uint64) reflect.Type

	made  []func() // undo what Unmarshalers hold
	pos   int
	chunk []byte      // small texts are cut from it
	keys  *[64]string // of dicts: they recur
}

// Drop skips what is left and hands the objects in it to give back, and releases what Unmarshalers
// have made of the rest: after an error.
func (d *Decoder) Drop(giveBack func(Ptr)) {
	for _, release := range d.made {
		release()
	}
	d.parts(giveBack, func(p GoPtr) { p.Release() })
}

// Translate hands the objects in a buffer of C's to object, and has value say which numbers are to
// stand there for the values of Go. The holds on those are the caller's from then on.
func (d *Decoder) Translate(object func(Ptr), value func(p GoPtr, v any) uint64) {
	d.Trusted = true
	d.parts(object, func(p GoPtr) { putNumber(d.Buf[d.pos-8:], value(p, p.value())) })
}

func (d *Decoder) parts(giveBack func(Ptr), value func(GoPtr)) {
	for d.pos < len(d.Buf) {
		t := d.Buf[d.pos]
		d.pos++
		switch t {
		case tagObject:
			if p, _, err := d.object(); err == nil {
				giveBack(p)
				continue
			}
		case tagGo:
			if p, err := d.number(); err == nil && d.Trusted {
				value(GoPtr(p))
				continue
			}
		}
		if d.skipBody(t) != nil {
			return
		}
	}
}

// skipBody skips what follows a tag; for a container its header only.
func (d *Decoder) skipBody(t byte) error {
	var err error
	switch t {
	case tagInt, tagFloat, tagList, tagTuple, tagSet, tagDict, tagRecord, tagInstance:
		_, err = d.number()
	case tagComplex:
		if _, err = d.number(); err == nil {
			_, err = d.number()
		}
	case tagSpecial:
		_, err = d.tag()
	case tagStr8, tagStr, tagBytes, tagBig, tagFar:
		_, err = d.blob(t)
	case tagInts, tagFloats:
		_, err = d.words()
	case tagArray:
		_, err = d.array()
	}
	return err
}

// DecodeScalar reads a result that is one number into a target of the obvious type. False: it is
// not so simple.
func DecodeScalar(b []byte, dst any) bool {
	if len(b) != 9 {
		return false
	}
	w := binary.LittleEndian.Uint64(b[1:])
	switch dst := dst.(type) {
	case *int:
		if b[0] == tagInt {
			*dst = int(w)
			return true
		}
	case *int64:
		if b[0] == tagInt {
			*dst = int64(w)
			return true
		}
	case *float64:
		if b[0] == tagFloat {
			*dst = math.Float64frombits(w)
			return true
		}
	}
	return false
}

// Into reads one value, and no more, into the pointer dst; a nil dst skips it.
func (d *Decoder) Into(dst any) error {
	t, err := d.tag()
	if err == nil {
		err = d.into(t, dst)
	}
	if err == nil && d.pos != len(d.Buf) {
		err = ErrMalformed
	}
	if err != nil {
		return prefix("result", err)
	}
	return nil
}

// Next reads one of several values into v; not given: the argument was left out.
func (d *Decoder) Next(v reflect.Value) (given bool, err error) {
	t, err := d.tag()
	if err != nil || t == tagMissing {
		return false, err
	}
	return true, decoderOf(v.Type())(d, t, v, 0)
}

func (d *Decoder) into(t byte, dst any) (err error) {
	switch dst := dst.(type) {
	case nil:
		_, err = d.any(t, 0)
	case *string:
		*dst, err = d.str(t)
	case *any:
		*dst, err = d.any(t, 0)
	default:
		v := reflect.ValueOf(dst)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return fmt.Errorf("target must be a non-nil pointer, not %T", dst)
		}
		v = v.Elem()
		return decoderOf(v.Type())(d, t, v, 0)
	}
	return err
}

func (d *Decoder) tag() (byte, error) {
	if d.pos >= len(d.Buf) {
		return 0, ErrMalformed
	}
	d.pos++
	return d.Buf[d.pos-1], nil
}

func (d *Decoder) number() (uint64, error) {
	if len(d.Buf)-d.pos < 8 {
		return 0, ErrMalformed
	}
	d.pos += 8
	return binary.LittleEndian.Uint64(d.Buf[d.pos-8:]), nil
}

// length of something whose parts take at least size bytes each.
func (d *Decoder) length(size int) (int, error) {
	n, err := d.number()
	if err != nil || n > uint64((len(d.Buf)-d.pos)/size) {
		return 0, ErrMalformed
	}
	return int(n), nil
}

func (d *Decoder) blob(t byte) ([]byte, error) {
	var n int
	var err error
	if t == tagFar {
		return d.far()
	}
	if t == tagStr8 {
		var b byte
		b, err = d.tag()
		n = int(b)
	} else {
		n, err = d.length(1)
	}
	if err != nil || n > len(d.Buf)-d.pos {
		return nil, ErrMalformed
	}
	d.pos += n
	return d.Buf[d.pos-n : d.pos], nil
}

func (d *Decoder) object() (Ptr, string, error) {
	p, err := d.number()
	if err != nil {
		return 0, "", err
	}
	t, err := d.tag()
	if err != nil {
		return 0, "", err
	}
	name, err := d.blob(t)
	return Ptr(p), string(name), err
}

// goValue gives the value of Go that an object stands for, and gives up the hold on it.
func (d *Decoder) goValue() (any, error) {
	n, err := d.number()
	if err == nil && d.Value != nil {
		if v, ok := d.Value(n); ok {
			return v, nil
		}
	}
	if err != nil || !d.Trusted {
		return nil, ErrMalformed
	}
	defer GoPtr(n).Release()
	return GoPtr(n).value(), nil
}

// words are 64-bit numbers, as they lie in memory.
func (d *Decoder) words() ([]byte, error) {
	n, err := d.length(8)
	if err != nil {
		return nil, err
	}
	d.pos += 8 * n
	return d.Buf[d.pos-8*n : d.pos], nil
}

var tagNames = map[byte]string{
	tagNone: "None", tagFalse: "bool", tagTrue: "bool", tagInt: "int", tagBig: "int",
	tagFloat: "float", tagComplex: "complex", tagStr8: "str", tagStr: "str", tagBytes: "bytes",
	tagList: "list", tagInts: "list", tagFloats: "list", tagTuple: "tuple", tagSet: "set",
	tagDict: "dict", tagRecord: "object", tagInstance: "object", tagArray: "array",
}

var specialNames = map[byte]string{
	specialTime: "datetime", specialDelta: "timedelta", specialRatio: "Fraction",
	specialUUID: "UUID", specialDecimal: "Decimal",
}

// mismatch is the error of a value whose tag has been read; it skips the rest of it.
func (d *Decoder) mismatch(t byte, target string) error {
	name, ok := tagNames[t]
	if t == tagGo {
		got, err := d.goValue()
		if err != nil {
			return err
		}
		return fmt.Errorf("%T into %s", got, target)
	}
	if t == tagObject {
		d.pos-- // Drop gives the object back
		at := d.pos
		d.pos++
		_, typ, err := d.object()
		d.pos = at
		if err != nil {
			return err
		}
		return fmt.Errorf("%s into %s", typ, target)
	}
	switch {
	case t == tagFar:
		name = tagNames[d.farKind()]
	case t == tagSpecial && d.pos < len(d.Buf):
		name = specialNames[d.Buf[d.pos]]
	case !ok:
		return ErrMalformed
	}
	if err := d.skipBody(t); err != nil {
		return err
	}
	if t == tagBig {
		return fmt.Errorf("int too large for %s", target)
	}
	return fmt.Errorf("%s into %s", name, target)
}
