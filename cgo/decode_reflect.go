package cgo

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
)

func (d *Decoder) reflected(dst any) error {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("target must be a non-nil pointer, not %T", dst)
	}
	return d.into(v.Elem(), 0)
}

// into reads one value into v, which can be set.
func (d *Decoder) into(v reflect.Value, depth int) error {
	if d.pos >= len(d.Buf) {
		return ErrMalformed
	}
	t := d.Buf[d.pos]
	switch {
	case v.Kind() == reflect.Interface:
		return d.intoInterface(v, depth)
	case v.Type() == reflect.TypeFor[big.Int]():
		return d.intoBig(v)
	case v.Kind() == reflect.Pointer:
		return d.intoPointer(v, t, depth)
	}
	d.pos++
	switch v.Kind() {
	case reflect.Slice:
		return d.intoSlice(v, t, depth)
	case reflect.Array:
		return d.intoArray(v, t, depth)
	case reflect.Map:
		return d.intoMap(v, t, depth)
	case reflect.Struct:
		return d.intoStruct(v, t, depth)
	default:
		return d.intoScalar(v, t)
	}
}

func (d *Decoder) intoInterface(v reflect.Value, depth int) error {
	got, err := d.any(depth)
	if err != nil {
		return err
	}
	if got == nil {
		v.SetZero()
		return nil
	}
	if !reflect.TypeOf(got).AssignableTo(v.Type()) {
		return fmt.Errorf("%T into %s", got, v.Type())
	}
	v.Set(reflect.ValueOf(got))
	return nil
}

func (d *Decoder) intoPointer(v reflect.Value, t byte, depth int) error {
	switch t {
	case tagNone:
		d.pos++
		v.SetZero()
		return nil
	case tagObject:
		return d.intoHandle(v)
	}
	p := reflect.New(v.Type().Elem())
	if err := d.into(p.Elem(), depth); err != nil {
		return err
	}
	v.Set(p)
	return nil
}

// A *Ref takes an object that has no form as a value.
func (d *Decoder) intoHandle(v reflect.Value) error {
	at := d.pos
	d.pos++
	p, typ, err := d.object()
	if err != nil {
		return err
	}
	if d.Object != nil {
		h := reflect.ValueOf(d.Object(p, typ))
		if h.Type().AssignableTo(v.Type()) {
			v.Set(h)
			return nil
		}
	} else {
		d.pos = at
	}
	return fmt.Errorf("%s into %s", typ, v.Type())
}

func (d *Decoder) intoBig(v reflect.Value) error {
	t, err := d.tag()
	if err != nil {
		return err
	}
	b := v.Addr().Interface().(*big.Int)
	switch t {
	case tagInt:
		n, err := d.number()
		b.SetInt64(int64(n))
		return err
	case tagBig:
		n, err := d.big(t)
		if err == nil {
			b.Set(n)
		}
		return err
	}
	return d.mismatch(t, "big.Int")
}

func (d *Decoder) intoScalar(v reflect.Value, t byte) error {
	switch k := v.Kind(); {
	case k == reflect.Bool && (t == tagTrue || t == tagFalse):
		v.SetBool(t == tagTrue)
		return nil
	case k == reflect.String && (t == tagStr || t == tagStr8):
		b, err := d.blob(t)
		v.SetString(string(b))
		return err
	case v.CanFloat() && (t == tagFloat || t == tagInt):
		return d.intoFloat(v, t)
	case v.CanInt() && t == tagInt:
		return d.intoInt(v)
	case v.CanUint() && (t == tagInt || t == tagBig):
		return d.intoUint(v, t)
	}
	return d.mismatch(t, v.Type().String())
}

func (d *Decoder) intoInt(v reflect.Value) error {
	n, err := d.number()
	if err == nil && v.OverflowInt(int64(n)) {
		return fmt.Errorf("%d overflows %s", int64(n), v.Type())
	}
	v.SetInt(int64(n))
	return err
}

func (d *Decoder) intoUint(v reflect.Value, t byte) error {
	var n *big.Int
	var err error
	if t == tagInt {
		var w uint64
		w, err = d.number()
		n = big.NewInt(int64(w))
	} else {
		n, err = d.big(t)
	}
	if err != nil {
		return err
	}
	if !n.IsUint64() || v.OverflowUint(n.Uint64()) {
		return fmt.Errorf("%v overflows %s", n, v.Type())
	}
	v.SetUint(n.Uint64())
	return nil
}

func (d *Decoder) intoFloat(v reflect.Value, t byte) error {
	n, err := d.number()
	f := math.Float64frombits(n)
	if t == tagInt {
		f = float64(int64(n))
	}
	if err == nil && v.OverflowFloat(f) {
		return fmt.Errorf("%v overflows %s", f, v.Type())
	}
	v.SetFloat(f)
	return err
}

func (d *Decoder) intoSlice(v reflect.Value, t byte, depth int) error {
	switch {
	case t == tagNone:
		v.SetZero()
		return nil
	case t == tagBytes && v.Type().Elem().Kind() == reflect.Uint8:
		b, err := d.blob(t)
		v.SetBytes(append([]byte{}, b...))
		return err
	case t != tagList && t != tagTuple:
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(1)
	if err != nil || depth > MaxDepth {
		return ErrMalformed
	}
	s := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		if err := d.into(s.Index(i), depth+1); err != nil {
			return prefix("["+strconv.Itoa(i)+"]", err)
		}
	}
	v.Set(s)
	return nil
}

func (d *Decoder) intoArray(v reflect.Value, t byte, depth int) error {
	if t != tagList && t != tagTuple {
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(1)
	if err != nil || depth > MaxDepth {
		return ErrMalformed
	}
	if n != v.Len() {
		return fmt.Errorf("%s of %d into %s", tagNames[t], n, v.Type())
	}
	for i := range n {
		if err := d.into(v.Index(i), depth+1); err != nil {
			return prefix("["+strconv.Itoa(i)+"]", err)
		}
	}
	return nil
}

func (d *Decoder) intoMap(v reflect.Value, t byte, depth int) error {
	if t == tagNone {
		v.SetZero()
		return nil
	}
	if t != tagDict {
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(2)
	if err != nil || depth > MaxDepth {
		return ErrMalformed
	}
	m := reflect.MakeMapWithSize(v.Type(), n)
	for range n {
		key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := d.into(key, depth+1); err != nil {
			return prefix(" key", err)
		}
		if !key.Comparable() {
			return fmt.Errorf("key of type %T", key.Interface())
		}
		if err := d.into(val, depth+1); err != nil {
			return prefix(fmt.Sprintf("[%#v]", key), err)
		}
		m.SetMapIndex(key, val)
	}
	v.Set(m)
	return nil
}
