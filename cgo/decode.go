package cgo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"unsafe"
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
	Far [][]byte // of Frame.Fetch
	// Object makes a handle of an object, and owns its reference from then on.
	Object func(p Ptr, typ string) any
	// Class is the type that a Python class was registered for; may be nil.
	Class func(number uint64) reflect.Type

	pos   int
	chunk []byte      // small texts are cut from it
	keys  *[64]string // of dicts: they recur
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

// far is a blob that Frame.Fetch has copied; what kind it is has been looked at by whoever cares.
func (d *Decoder) far() ([]byte, error) {
	if _, err := d.tag(); err != nil {
		return nil, err
	}
	i, err := d.number()
	if err != nil || i >= uint64(len(d.Far)) {
		return nil, ErrMalformed
	}
	return d.Far[i], nil
}

// farKind is the kind of the far blob that follows.
func (d *Decoder) farKind() byte {
	if d.pos < len(d.Buf) {
		return d.Buf[d.pos]
	}
	return tagFar
}

// isText and isBytes tell what a tag stands for, wherever the blob is.
func (d *Decoder) isText(t byte) bool {
	return t == tagStr8 || t == tagStr || t == tagFar && d.farKind() == tagStr
}

func (d *Decoder) isBytes(t byte) bool {
	return t == tagBytes || t == tagFar && d.farKind() == tagBytes
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

func (d *Decoder) str(t byte) (string, error) {
	if !d.isText(t) {
		return "", d.mismatch(t, "string")
	}
	b, err := d.blob(t)
	if err != nil {
		return "", err
	}
	if t == tagFar {
		return unsafe.String(unsafe.SliceData(b), len(b)), nil // nobody else has it
	}
	return d.text(b), nil
}

// Small texts of a large result share their memory, so many that none keeps more than a chunk.
const (
	chunkSize = 1 << 10
	smallText = 64
)

func (d *Decoder) text(b []byte) string {
	if len(b) > smallText || len(d.Buf) < chunkSize {
		return string(b)
	}
	if cap(d.chunk)-len(d.chunk) < len(b) {
		d.chunk = make([]byte, 0, chunkSize)
	}
	n := len(d.chunk)
	d.chunk = append(d.chunk, b...)
	return unsafe.String(unsafe.SliceData(d.chunk[n:]), len(b))
}

// key is the text of a key, which is often that of another.
func (d *Decoder) key(t byte) (string, error) {
	b, err := d.blob(t)
	if err != nil || len(b) > smallText || len(b) == 0 || len(d.Buf) < chunkSize {
		return string(b), err
	}
	if d.keys == nil {
		d.keys = new([64]string)
	}
	at := &d.keys[(int(b[0])*7+int(b[len(b)-1])*31+int(b[len(b)/2])*3+len(b))%64]
	if *at != string(b) {
		*at = d.text(b)
	}
	return *at, nil
}

// asBytes gives the bytes for the program to keep.
func (d *Decoder) asBytes(t byte) ([]byte, error) {
	b, err := d.blob(t)
	if err != nil || t == tagFar {
		return b, err
	}
	return append([]byte{}, b...), nil
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

// Any reads one value into what the table of package pyhost gives for it.
func (d *Decoder) Any() (any, error) {
	t, err := d.tag()
	if err != nil {
		return nil, err
	}
	return d.any(t, 0)
}

func (d *Decoder) next(depth int) (any, error) {
	t, err := d.tag()
	if err != nil {
		return nil, err
	}
	return d.any(t, depth)
}

func (d *Decoder) any(t byte, depth int) (any, error) {
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
	case tagStr8, tagStr:
		return d.str(t)
	case tagBytes:
		return d.asBytes(t)
	case tagList, tagTuple, tagSet:
		return d.sequence(t, depth)
	case tagDict:
		return d.dict(depth)
	}
	return d.anyOther(t, depth)
}

func (d *Decoder) anyOther(t byte, depth int) (any, error) {
	switch t {
	case tagBig:
		return d.big(t)
	case tagComplex:
		return d.complex()
	case tagFar:
		if d.isText(t) {
			return d.str(t)
		}
		return d.asBytes(t)
	case tagInts, tagFloats:
		return d.anyWords(t)
	case tagSpecial:
		return d.special(depth)
	case tagInstance:
		return d.instance(depth)
	case tagArray:
		return d.anyArray()
	case tagObject:
		return d.handle()
	}
	return nil, ErrMalformed
}

func (d *Decoder) handle() (any, error) {
	at := d.pos
	p, typ, err := d.object()
	if err != nil {
		return nil, err
	}
	if d.Object == nil {
		d.pos = at - 1 // Drop gives it back
		return nil, fmt.Errorf("%s has no form here", typ)
	}
	return d.Object(p, typ), nil
}

// instance is a T for an object of the class that T is registered for.
func (d *Decoder) instance(depth int) (any, error) {
	n, err := d.number()
	if err != nil || d.Class == nil {
		return nil, ErrMalformed
	}
	t := d.Class(n)
	if t == nil {
		return nil, ErrMalformed
	}
	v := reflect.New(t).Elem()
	tag, err := d.tag()
	if err != nil {
		return nil, err
	}
	if tag == tagObject { // it has none of the fields
		return d.handle()
	}
	if err := decoderOf(t)(d, tag, v, depth+1); err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

func (d *Decoder) complex() (complex128, error) {
	re, err := d.number()
	if err != nil {
		return 0, err
	}
	im, err := d.number()
	return complex(math.Float64frombits(re), math.Float64frombits(im)), err
}

func (d *Decoder) anyWords(t byte) (any, error) {
	b, err := d.words()
	list := make([]any, len(b)/8)
	for i := range list {
		w := binary.LittleEndian.Uint64(b[8*i:])
		if t == tagInts {
			list[i] = int64(w)
		} else {
			list[i] = math.Float64frombits(w)
		}
	}
	return list, err
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
		if list[i], err = d.next(depth + 1); err != nil {
			return nil, atIndex(i, err)
		}
	}
	switch t {
	case tagTuple:
		return Tuple(list), nil
	case tagSet:
		return Set(list), nil
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
		t, err := d.tag()
		if err != nil {
			return nil, err
		}
		if t != tagStr8 && t != tagStr {
			return d.anyDict(strs, t, n-i, depth)
		}
		s, err := d.key(t)
		if err != nil {
			return nil, err
		}
		if strs[s], err = d.next(depth + 1); err != nil {
			return nil, prefix("["+strconv.Quote(s)+"]", err)
		}
		if len(strs) != i+1 {
			return nil, collision(s)
		}
	}
	return strs, nil
}

// collision: two keys that differ in Python, such as text and the same bytes, do not in Go.
func collision(key any) error {
	return fmt.Errorf("two keys of the dict are %#v in Go", key)
}

// t is the tag of the first key that is no str.
func (d *Decoder) anyDict(strs map[string]any, t byte, left, depth int) (any, error) {
	m := make(map[any]any, len(strs)+left)
	for s, v := range strs {
		m[s] = v
	}
	for {
		k, err := d.any(t, depth+1)
		if err != nil {
			return nil, prefix(" key", err)
		}
		key, err := hashable(k)
		if err != nil {
			return nil, prefix(" key", err)
		}
		was := len(m)
		if m[key], err = d.next(depth + 1); err != nil {
			return nil, prefix(fmt.Sprintf("[%v]", k), err)
		}
		if len(m) == was {
			return nil, collision(key)
		}
		if left--; left == 0 {
			return m, nil
		}
		if t, err = d.tag(); err != nil {
			return nil, err
		}
	}
}

// Go's maps take no slices as keys: bytes become a string, a tuple an array.
func hashable(k any) (any, error) {
	switch k := k.(type) {
	case []byte:
		return string(k), nil
	case Tuple:
		a := reflect.New(reflect.ArrayOf(len(k), anyType)).Elem()
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
	}
	if k != nil && !reflect.ValueOf(k).Comparable() {
		return nil, fmt.Errorf("%T cannot be a key in Go", k)
	}
	return k, nil
}
