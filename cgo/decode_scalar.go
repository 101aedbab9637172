package cgo

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
)

func decodeBig(d *Decoder, t byte, v reflect.Value, _ int) error {
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

func decodeRat(d *Decoder, t byte, v reflect.Value, depth int) error {
	if t != tagInt && t != tagBig && t != tagFloat && !d.isSpecial(t, specialRatio) {
		return d.mismatch(t, "big.Rat")
	}
	got, err := d.any(t, depth)
	if err != nil {
		return err
	}
	r := v.Addr().Interface().(*big.Rat)
	switch got := got.(type) {
	case int64:
		r.SetInt64(got)
	case *big.Int:
		r.SetInt(got)
	case *big.Rat:
		r.Set(got)
	case float64:
		if r.SetFloat64(got) == nil {
			return fmt.Errorf("%v into big.Rat", got)
		}
	}
	return nil
}

// A Decimal takes ints too, whatever their size.
func decodeDecimal(d *Decoder, t byte, v reflect.Value, depth int) error {
	if t != tagInt && t != tagBig && !d.isSpecial(t, specialDecimal) {
		return d.mismatch(t, v.Type().String())
	}
	got, err := d.any(t, depth)
	if err == nil {
		v.SetString(fmt.Sprint(got))
	}
	return err
}

func decodeUUID(d *Decoder, t byte, v reflect.Value, depth int) error {
	if !d.isSpecial(t, specialUUID) {
		return fillBytes(d, t, v, depth)
	}
	got, err := d.special(depth)
	if err == nil {
		v.Set(reflect.ValueOf(got).Convert(v.Type()))
	}
	return err
}

func decodeText(d *Decoder, t byte, v reflect.Value, _ int) error {
	if !d.isText(t) {
		return d.mismatch(t, v.Type().String())
	}
	b, err := d.blob(t)
	if err == nil {
		err = v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(b)
	}
	return err
}

func decodeBool(d *Decoder, t byte, v reflect.Value, _ int) error {
	if t != tagTrue && t != tagFalse {
		return d.mismatch(t, v.Type().String())
	}
	v.SetBool(t == tagTrue)
	return nil
}

func decodeInt(d *Decoder, t byte, v reflect.Value, _ int) error {
	if t != tagInt {
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.number()
	if err != nil {
		return err
	}
	return setInt(v, int64(n))
}

// setInt stores n in a number of any kind that holds it exactly.
func setInt(v reflect.Value, n int64) error {
	switch {
	case v.CanInt() && !v.OverflowInt(n):
		v.SetInt(n)
	case v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)):
		v.SetUint(uint64(n))
	case v.CanFloat():
		return setFloat(v, float64(n), "int")
	case v.CanComplex():
		v.SetComplex(complex(float64(n), 0))
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(n))
	case v.CanInt() || v.CanUint():
		return fmt.Errorf("%d overflows %s", n, v.Type())
	default:
		return fmt.Errorf("int into %s", v.Type())
	}
	return nil
}

func setUint(v reflect.Value, n uint64) error {
	switch {
	case n <= math.MaxInt64:
		return setInt(v, int64(n))
	case v.CanUint() && !v.OverflowUint(n):
		v.SetUint(n)
	case v.CanFloat():
		return setFloat(v, float64(n), "int")
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(new(big.Int).SetUint64(n)))
	default:
		return fmt.Errorf("%d overflows %s", n, v.Type())
	}
	return nil
}

func setFloat(v reflect.Value, f float64, from string) error {
	switch {
	case v.CanFloat() && v.OverflowFloat(f):
		return fmt.Errorf("%v overflows %s", f, v.Type())
	case v.CanFloat():
		v.SetFloat(f)
	case v.CanComplex():
		v.SetComplex(complex(f, 0))
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(f))
	default:
		return fmt.Errorf("%s into %s", from, v.Type())
	}
	return nil
}

func decodeUint(d *Decoder, t byte, v reflect.Value, depth int) error {
	if t != tagBig {
		return decodeInt(d, t, v, depth)
	}
	n, err := d.big(t)
	if err != nil {
		return err
	}
	if !n.IsUint64() {
		return fmt.Errorf("int too large for %s", v.Type())
	}
	return setUint(v, n.Uint64())
}

func decodeFloat(d *Decoder, t byte, v reflect.Value, depth int) error {
	if t != tagFloat {
		return decodeInt(d, t, v, depth)
	}
	n, err := d.number()
	if err != nil {
		return err
	}
	return setFloat(v, math.Float64frombits(n), "float")
}

func decodeComplex(d *Decoder, t byte, v reflect.Value, depth int) error {
	if t != tagComplex {
		return decodeFloat(d, t, v, depth)
	}
	c, err := d.complex()
	if err != nil {
		return err
	}
	if v.OverflowComplex(c) {
		return fmt.Errorf("%v overflows %s", c, v.Type())
	}
	v.SetComplex(c)
	return nil
}

func decodeString(d *Decoder, t byte, v reflect.Value, _ int) error {
	if !d.isText(t) {
		return d.mismatch(t, v.Type().String())
	}
	s, err := d.str(t)
	v.SetString(s)
	return err
}
