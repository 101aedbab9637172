package cgo

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
)

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
	case tagGo:
		return d.goValue()
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
