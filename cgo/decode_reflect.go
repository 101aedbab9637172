package cgo

import (
	"fmt"
	"reflect"
)

// decodeFunc reads a value, whose tag has been read, into v, which can be set.
type decodeFunc func(d *Decoder, t byte, v reflect.Value, depth int) error

var decoders byType[decodeFunc]

func decoderOf(t reflect.Type) decodeFunc {
	return decoders.get(t, func(wait func() decodeFunc) decodeFunc {
		return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
			return wait()(d, tag, v, depth)
		}
	}, func() decodeFunc { return newDecoder(t) })
}

func newDecoder(t reflect.Type) decodeFunc {
	switch {
	case IsHandle(t):
		return decodeHandle
	case t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(unmarshalerType):
		return decodeUnmarshaler
	}
	switch t {
	case bigIntType:
		return decodeBig
	case bigRatType:
		return decodeRat
	case timeType, durationType:
		return decodeExactly
	case decimalType:
		return decodeDecimal
	case setType, tupleType:
		return decodeExactly
	}
	switch {
	case is16Bytes(t):
		return decodeUUID
	case t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(textUnmarshalerType):
		return decodeText
	}
	return decoderOfKind(t)
}

func decoderOfKind(t reflect.Type) decodeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Uintptr:
		return decodeUint
	case reflect.Float32, reflect.Float64:
		return decodeFloat
	case reflect.Complex64, reflect.Complex128:
		return decodeComplex
	case reflect.String:
		return decodeString
	case reflect.Slice:
		return sliceDecoder(t)
	case reflect.Array:
		return arrayDecoder(t)
	case reflect.Map:
		return mapDecoder(t)
	case reflect.Struct:
		return structDecoder(t)
	case reflect.Pointer:
		return pointerDecoder(t)
	case reflect.Interface:
		return decodeInterface
	}
	return func(d *Decoder, tag byte, _ reflect.Value, _ int) error {
		return d.mismatch(tag, t.String())
	}
}

func decodeInterface(d *Decoder, t byte, v reflect.Value, depth int) error {
	got, err := d.any(t, depth)
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

// decodeExactly is for types that one kind of value alone becomes.
func decodeExactly(d *Decoder, t byte, v reflect.Value, depth int) error {
	want := map[reflect.Type]bool{
		timeType:     d.isSpecial(t, specialTime),
		durationType: d.isSpecial(t, specialDelta),
		setType:      t == tagSet,
		tupleType:    t == tagTuple,
	}
	if t == tagNone && v.Kind() == reflect.Slice {
		v.SetZero()
		return nil
	}
	if !want[v.Type()] {
		return d.mismatch(t, v.Type().String())
	}
	got, err := d.any(t, depth)
	if err == nil {
		v.Set(reflect.ValueOf(got))
	}
	return err
}

func (d *Decoder) isSpecial(t byte, what byte) bool {
	return t == tagSpecial && d.pos < len(d.Buf) && d.Buf[d.pos] == what
}

// A *Ref takes any object but None.
func decodeHandle(d *Decoder, t byte, v reflect.Value, _ int) error {
	if t == tagNone {
		v.SetZero()
		return nil
	}
	if t != tagObject {
		return d.mismatch(t, v.Type().String())
	}
	if d.Own != nil {
		at := d.pos
		p, _, err := d.object()
		if err != nil {
			return err
		}
		if h := d.Own(p, v.Type()); h != nil {
			v.Set(reflect.ValueOf(h))
			return nil
		}
		d.pos = at
	}
	got, err := d.handle()
	if err != nil {
		return err
	}
	if h := reflect.ValueOf(got); h.Type().AssignableTo(v.Type()) {
		v.Set(h)
		return nil
	}
	return fmt.Errorf("object into %s", v.Type())
}

// goInto sets a pointer, or a struct to what it points to.
func (d *Decoder) goInto(v reflect.Value) error {
	got, err := d.goValue()
	if err != nil {
		return err
	}
	g := reflect.ValueOf(got)
	switch {
	case g.IsValid() && g.Type().AssignableTo(v.Type()):
		v.Set(g)
	case g.Kind() == reflect.Pointer && g.Type().Elem() == v.Type():
		v.Set(g.Elem())
	default:
		return fmt.Errorf("%T into %s", got, v.Type())
	}
	return nil
}

func decodeUnmarshaler(d *Decoder, t byte, v reflect.Value, depth int) error {
	got, err := d.any(t, depth)
	if err != nil {
		return err
	}
	u := v.Addr().Interface().(Unmarshaler)
	if err := u.UnmarshalPython(got); err != nil {
		return fmt.Errorf("%T into %s: %w", got, v.Type(), err)
	}
	if r, ok := u.(interface{ Release() }); ok && got != nil {
		d.made = append(d.made, r.Release)
	}
	return nil
}

func pointerDecoder(t reflect.Type) decodeFunc {
	elem, more := decoderOf(t.Elem()), pointsOn(t)
	return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
		if tag == tagNone {
			v.SetZero()
			return nil
		}
		if depth > MaxDepth {
			return ErrMalformed
		}
		if tag == tagGo {
			return d.goInto(v)
		}
		p := reflect.New(t.Elem())
		if err := elem(d, tag, p.Elem(), depth+more); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
}
