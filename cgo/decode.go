package cgo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
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
		return &PathError{path + p.Path, p.Err}
	}
	return &PathError{path, err}
}

// Decoder reads values in the form in which they cross.
type Decoder struct {
	Buf []byte
	// Object makes a handle of an object, and owns its reference from then on.
	Object func(p Ptr, typ string) any
	pos    int
}

// Drop skips what is left and hands the objects in it to give back: after an error.
func (d *Decoder) Drop(giveBack func(Ptr)) {
	for d.pos < len(d.Buf) {
		t := d.Buf[d.pos]
		d.pos++
		if t == tagObject {
			if p, _, err := d.object(); err == nil {
				giveBack(p)
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
	case tagInt, tagFloat, tagList, tagTuple, tagDict:
		_, err = d.number()
	case tagStr8, tagStr, tagBytes, tagBig:
		_, err = d.blob(t)
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

// Into reads one value into the pointer dst; a nil dst skips it.
func (d *Decoder) Into(dst any) error {
	var err error
	switch dst := dst.(type) {
	case *int:
		var n int64
		if n, err = d.int64(); err == nil {
			*dst = int(n)
		}
	case *int64:
		*dst, err = d.int64()
	case *float64:
		*dst, err = d.float()
	case *string:
		*dst, err = d.str()
	case *any:
		*dst, err = d.Any()
	default:
		err = d.reflected(dst)
	}
	if err != nil {
		return prefix("result", err)
	}
	return nil
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

func (d *Decoder) int64() (int64, error) {
	t, err := d.tag()
	if err != nil {
		return 0, err
	}
	if t != tagInt {
		return 0, d.mismatch(t, "int64")
	}
	n, err := d.number()
	return int64(n), err
}

func (d *Decoder) float() (float64, error) {
	t, err := d.tag()
	if err != nil {
		return 0, err
	}
	if t == tagInt {
		n, err := d.number()
		return float64(int64(n)), err
	}
	if t != tagFloat {
		return 0, d.mismatch(t, "float64")
	}
	n, err := d.number()
	return math.Float64frombits(n), err
}

func (d *Decoder) str() (string, error) {
	t, err := d.tag()
	if err != nil {
		return "", err
	}
	if t != tagStr8 && t != tagStr {
		return "", d.mismatch(t, "string")
	}
	b, err := d.blob(t)
	return string(b), err
}

var tagNames = map[byte]string{
	tagNone: "None", tagFalse: "bool", tagTrue: "bool", tagInt: "int", tagBig: "int",
	tagFloat: "float", tagStr8: "str", tagStr: "str", tagBytes: "bytes", tagList: "list",
	tagTuple: "tuple", tagDict: "dict",
}

// mismatch is the error of a value whose tag has been read; it skips the rest of it.
func (d *Decoder) mismatch(t byte, target string) error {
	name, ok := tagNames[t]
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
	if !ok {
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

// Any reads one value into what the table of package pyhost gives for it.
func (d *Decoder) Any() (any, error) { return d.any(0) }

func (d *Decoder) any(depth int) (any, error) {
	t, err := d.tag()
	if err != nil {
		return nil, err
	}
	if depth > MaxDepth {
		return nil, ErrMalformed
	}
	switch t {
	case tagNone:
		return nil, nil
	case tagFalse, tagTrue:
		return t == tagTrue, nil
	case tagInt:
		n, err := d.number()
		return int64(n), err
	case tagFloat:
		n, err := d.number()
		return math.Float64frombits(n), err
	case tagBig:
		return d.big(t)
	case tagStr8, tagStr:
		b, err := d.blob(t)
		return string(b), err
	case tagBytes:
		b, err := d.blob(t)
		return append([]byte{}, b...), err
	case tagList, tagTuple:
		return d.sequence(t, depth)
	case tagDict:
		return d.dict(depth)
	case tagObject:
		return d.handle()
	}
	return nil, ErrMalformed
}

func (d *Decoder) handle() (any, error) {
	p, typ, err := d.object()
	if err != nil || d.Object == nil {
		return nil, ErrMalformed
	}
	return d.Object(p, typ), nil
}

func (d *Decoder) big(t byte) (*big.Int, error) {
	b, err := d.blob(t)
	if err != nil || len(b) == 0 {
		return nil, ErrMalformed
	}
	be := make([]byte, len(b))
	for i, c := range b {
		be[len(b)-1-i] = c
	}
	v := new(big.Int).SetBytes(be)
	if be[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return v, nil
}

func (d *Decoder) sequence(t byte, depth int) (any, error) {
	n, err := d.length(1)
	if err != nil {
		return nil, err
	}
	list := make([]any, n)
	for i := range list {
		if list[i], err = d.any(depth + 1); err != nil {
			return nil, prefix("["+strconv.Itoa(i)+"]", err)
		}
	}
	if t == tagTuple {
		return Tuple(list), nil
	}
	return list, nil
}

// A map[string]any where every key is a str, else a map[any]any.
func (d *Decoder) dict(depth int) (any, error) {
	n, err := d.length(2)
	if err != nil {
		return nil, err
	}
	strs := make(map[string]any, n)
	for i := range n {
		k, err := d.any(depth + 1)
		if err != nil {
			return nil, prefix(" key", err)
		}
		s, ok := k.(string)
		if !ok {
			return d.anyDict(strs, k, n-i, depth)
		}
		if strs[s], err = d.any(depth + 1); err != nil {
			return nil, prefix("["+strconv.Quote(s)+"]", err)
		}
	}
	return strs, nil
}

func (d *Decoder) anyDict(strs map[string]any, k any, left, depth int) (any, error) {
	m := make(map[any]any, len(strs)+left)
	for s, v := range strs {
		m[s] = v
	}
	for {
		key, err := hashable(k)
		if err != nil {
			return nil, err
		}
		if m[key], err = d.any(depth + 1); err != nil {
			return nil, prefix(fmt.Sprintf("[%v]", k), err)
		}
		if left--; left == 0 {
			return m, nil
		}
		if k, err = d.any(depth + 1); err != nil {
			return nil, prefix(" key", err)
		}
	}
}

// Go's maps take no slices as keys: bytes become a string, a tuple an array.
func hashable(k any) (any, error) {
	switch k := k.(type) {
	case []byte:
		return string(k), nil
	case Tuple:
		a := reflect.New(reflect.ArrayOf(len(k), reflect.TypeFor[any]())).Elem()
		for i, v := range k {
			h, err := hashable(v)
			if err != nil {
				return nil, err
			}
			if h != nil {
				a.Index(i).Set(reflect.ValueOf(h))
			}
		}
		return a.Interface(), nil
	case []any, map[string]any, map[any]any:
		return nil, fmt.Errorf("key of type %T", k)
	}
	return k, nil
}
