package cgo

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"unsafe"
)

// items reads n values into v, a slice or an array of so many.
func (d *Decoder) items(v reflect.Value, elem decodeFunc, n, depth int) error {
	if depth > MaxDepth {
		return ErrMalformed
	}
	for i := range n {
		t, err := d.tag()
		if err == nil {
			err = elem(d, t, v.Index(i), depth+1)
		}
		if err != nil {
			return atIndex(i, err)
		}
	}
	return nil
}

// Leading is a slice that keeps the items before one that does not fit. What Unmarshalers have made
// of those is the receiver's, though the error is returned.
type Leading[T any] []T

func (Leading[T]) leads() {}

func leads(t reflect.Type) bool { return t.Implements(reflect.TypeFor[interface{ leads() }]()) }

// leading reads n values into v, which leads.
func (d *Decoder) leading(v reflect.Value, elem decodeFunc, n, depth int) error {
	s := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		held := len(d.made)
		t, err := d.tag()
		if err == nil {
			err = elem(d, t, s.Index(i), depth+1)
		}
		if err != nil {
			v.Set(s.Slice(0, i))
			d.made = d.made[held:]
			return atIndex(i, err)
		}
	}
	v.Set(s)
	return nil
}

func sliceDecoder(t reflect.Type) decodeFunc {
	elem := decoderOf(t.Elem())
	isBytes := t.Elem().Kind() == reflect.Uint8
	isTexts := t.Elem() == reflect.TypeFor[string]()
	keeps := leads(t)
	return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
		switch {
		case isTexts && tag == tagList:
			list, err := d.texts()
			if err == nil || keeps {
				*(*[]string)(v.Addr().UnsafePointer()) = list
			}
			return err
		case tag == tagNone:
			v.SetZero()
			return nil
		case isBytes && d.isBytes(tag):
			b, err := d.asBytes(tag)
			v.SetBytes(b)
			return err
		case tag == tagInts || tag == tagFloats:
			return d.intoWords(tag, v)
		case tag == tagArray:
			a, err := d.array()
			if err != nil {
				return err
			}
			return a.intoSlice(v)
		case tag != tagList && tag != tagTuple && tag != tagSet:
			return d.mismatch(tag, t.String())
		}
		n, err := d.length(1)
		if err != nil {
			return err
		}
		if keeps {
			return d.leading(v, elem, n, depth)
		}
		s := reflect.MakeSlice(t, n, n)
		if err := d.items(s, elem, n, depth); err != nil {
			return err
		}
		v.Set(s)
		return nil
	}
}

// texts is for a list of str: it goes without a look at types. With an error, those before it.
func (d *Decoder) texts() ([]string, error) {
	n, err := d.length(1)
	if err != nil {
		return nil, err
	}
	list := make([]string, n)
	for i := range list {
		b := d.Buf[d.pos:]
		if len(b) > 2 && b[0] == tagStr8 && len(b)-2 >= int(b[1]) {
			d.pos += 2 + int(b[1])
			list[i] = d.text(b[2 : 2+int(b[1])])
			continue
		}
		t, err := d.tag()
		if err == nil {
			list[i], err = d.str(t)
		}
		if err != nil {
			return list[:i], atIndex(i, err)
		}
	}
	return list, nil
}

// sliceOf makes a slice of items that lie in memory as they do in Go. A copy of bytes is not
// cleared first, as a new slice of numbers would be.
func sliceOf(t reflect.Type, b []byte, n int) reflect.Value {
	if n == 0 {
		return reflect.MakeSlice(t, 0, 0)
	}
	b = append([]byte(nil), b...)
	return reflect.SliceAt(t.Elem(), unsafe.Pointer(unsafe.SliceData(b)), n).Convert(t)
}

// intoWords copies what lies in memory as it does in Go, and looks at each number otherwise.
func (d *Decoder) intoWords(tag byte, v reflect.Value) error {
	b, err := d.words()
	if err != nil {
		return err
	}
	n, kind := len(b)/8, v.Type().Elem().Kind()
	asIs := kind == reflect.Float64
	if tag == tagInts {
		asIs = kind == reflect.Int || kind == reflect.Int64
	}
	if asIs && v.Kind() == reflect.Slice {
		v.Set(sliceOf(v.Type(), b, n))
		return nil
	}
	s := v
	if v.Kind() == reflect.Slice {
		s = reflect.MakeSlice(v.Type(), n, n)
	} else if n != v.Len() {
		return fmt.Errorf("list of %d into %s", n, v.Type())
	}
	for i := range n {
		w := binary.LittleEndian.Uint64(b[8*i:])
		if tag == tagInts {
			err = setInt(s.Index(i), int64(w))
		} else {
			err = setFloat(s.Index(i), math.Float64frombits(w), "float")
		}
		if err != nil {
			if leads(v.Type()) {
				v.Set(s.Slice(0, i))
			}
			return atIndex(i, err)
		}
	}
	v.Set(s)
	return nil
}

func fillBytes(d *Decoder, t byte, v reflect.Value, depth int) error {
	if !d.isBytes(t) {
		return fillArray(d, t, v, depth)
	}
	b, err := d.blob(t)
	if err != nil {
		return err
	}
	if len(b) != v.Len() {
		return fmt.Errorf("bytes of %d into %s", len(b), v.Type())
	}
	reflect.Copy(v, reflect.ValueOf(b))
	return nil
}

func fillArray(d *Decoder, t byte, v reflect.Value, depth int) error {
	switch t {
	case tagInts, tagFloats:
		return d.intoWords(t, v)
	case tagArray:
		a, err := d.array()
		if err != nil {
			return err
		}
		return a.intoArray(v)
	case tagList, tagTuple:
	default:
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(1)
	if err != nil {
		return err
	}
	if n != v.Len() {
		return fmt.Errorf("%s of %d into %s", tagNames[t], n, v.Type())
	}
	return d.items(v, decoderOf(v.Type().Elem()), n, depth)
}

func arrayDecoder(t reflect.Type) decodeFunc {
	if t.Elem() == reflect.TypeFor[byte]() {
		return fillBytes
	}
	return fillArray
}
