package cgo

import (
	"encoding"
	"fmt"
	"io"
	"math"
	"math/big"
	"reflect"
	"time"
)

// encodeFunc appends values of one type.
type encodeFunc func(e *Encoder, v reflect.Value, depth int) error

var encoders byType[encodeFunc]

func encoderOf(t reflect.Type) encodeFunc {
	return encoders.get(t, func(wait func() encodeFunc) encodeFunc {
		return func(e *Encoder, v reflect.Value, depth int) error { return wait()(e, v, depth) }
	}, func() encodeFunc { return bounded(t, newEncoder(t)) })
}

// bounded keeps values that hold others from going too deep.
func bounded(t reflect.Type, f encodeFunc) encodeFunc {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Pointer,
		reflect.Interface:
		return func(e *Encoder, v reflect.Value, depth int) error {
			if depth > MaxDepth {
				return tooDeep()
			}
			return f(e, v, depth)
		}
	}
	return f
}

func newEncoder(t reflect.Type) encodeFunc {
	switch {
	case IsHandle(t):
		return encodeHandle
	case t == exportType:
		return encodeExport
	case t.Kind() == reflect.Pointer: // what it points to has the methods too
		return pointerEncoder(t)
	case t.Implements(marshalerType):
		return encodeMarshaler
	case reflect.PointerTo(t).Implements(marshalerType):
		return byPointer(encodeMarshaler)
	}
	switch t {
	case bigIntType:
		return byPointer(func(e *Encoder, v reflect.Value, _ int) error {
			e.big(v.Interface().(*big.Int))
			return nil
		})
	case bigRatType:
		return byPointer(encodeRat)
	case timeType:
		return encodeTime
	case durationType:
		return encodeDuration
	case functionType:
		return func(e *Encoder, v reflect.Value, _ int) error {
			f := v.Interface().(Function)
			return e.function(&f)
		}
	case madeType:
		return func(e *Encoder, v reflect.Value, depth int) error {
			return e.made(v.Interface().(Made), depth)
		}
	case decimalType:
		return func(e *Encoder, v reflect.Value, _ int) error {
			e.special(specialDecimal)
			e.str(v.String())
			return nil
		}
	case setType:
		return sequence(tagSet, encoderOf(anyType))
	case tupleType:
		return sequence(tagTuple, encoderOf(anyType))
	}
	if f := textEncoder(t); f != nil {
		return f
	}
	return encoderOfKind(t)
}

// textEncoder: a UUID is one in Python too; what else can be text is a str.
func textEncoder(t reflect.Type) encodeFunc {
	switch {
	case isUUID(t):
		return func(e *Encoder, v reflect.Value, _ int) error {
			e.special(specialUUID)
			e.byteArray(v)
			return nil
		}
	case t.Implements(textMarshalerType):
		return encodeText
	case reflect.PointerTo(t).Implements(textMarshalerType):
		return byPointer(encodeText)
	}
	return nil
}

// byPointer is for methods of the pointer: a value that has no address is copied.
func byPointer(f encodeFunc) encodeFunc {
	return func(e *Encoder, v reflect.Value, depth int) error {
		if !v.CanAddr() {
			p := reflect.New(v.Type()).Elem()
			p.Set(v)
			v = p
		}
		return f(e, v.Addr(), depth)
	}
}

func encoderOfKind(t reflect.Type) encodeFunc {
	switch t.Kind() {
	case reflect.Bool:
		return func(e *Encoder, v reflect.Value, _ int) error { e.bool(v.Bool()); return nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(e *Encoder, v reflect.Value, _ int) error { e.int(v.Int()); return nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Uintptr:
		return func(e *Encoder, v reflect.Value, _ int) error { e.uint(v.Uint()); return nil }
	case reflect.Float32, reflect.Float64:
		return func(e *Encoder, v reflect.Value, _ int) error {
			e.word(tagFloat, math.Float64bits(v.Float()))
			return nil
		}
	case reflect.Complex64, reflect.Complex128:
		return encodeComplex
	case reflect.String:
		return func(e *Encoder, v reflect.Value, _ int) error { e.str(v.String()); return nil }
	case reflect.Slice:
		return sliceEncoder(t)
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return func(e *Encoder, v reflect.Value, _ int) error { e.byteArray(v); return nil }
		}
		return sequence(tagList, encoderOf(t.Elem()))
	case reflect.Map:
		return mapEncoder(t)
	case reflect.Struct:
		return structEncoder(t)
	case reflect.Func:
		if IsSequence(t) {
			return orNone((*Encoder).iterator)
		}
		return orNone(func(e *Encoder, v reflect.Value, _ int) error {
			return e.function(&Function{Func: v.Interface()})
		})
	case reflect.Chan:
		if t.ChanDir()&reflect.RecvDir != 0 {
			return orNone((*Encoder).iterator)
		}
	case reflect.Interface:
		return orNone(func(e *Encoder, v reflect.Value, depth int) error {
			if v.CanInterface() {
				return e.value(v.Interface(), depth)
			}
			return encoderOf(v.Elem().Type())(e, v.Elem(), depth)
		})
	}
	return func(*Encoder, reflect.Value, int) error {
		return fmt.Errorf("%s has no Python form", t)
	}
}

// noForm is the error of a struct that keeps all its fields to itself.
func noForm(t reflect.Type) error {
	p := reflect.PointerTo(t)
	if p.Implements(readerType) || p.Implements(writerType) {
		return fmt.Errorf("%s has no Python form: for a file object pass pyhost.File{IO: r}", t)
	}
	return fmt.Errorf("%s has no Python form: none of its fields is exported", t)
}

var readerType, writerType = reflect.TypeFor[io.Reader](), reflect.TypeFor[io.Writer]()

func pointerEncoder(t reflect.Type) encodeFunc {
	elem, more := encoderOf(t.Elem()), pointsOn(t)
	isStruct := t.Elem().Kind() == reflect.Struct
	return orNone(func(e *Encoder, v reflect.Value, depth int) error {
		if isStruct && e.instance(v) {
			return nil
		}
		return elem(e, v.Elem(), depth+more)
	})
}

// pointsOn is how much deeper a pointer goes: one to a pointer may be a cycle of its own.
func pointsOn(t reflect.Type) int {
	if k := t.Elem().Kind(); k == reflect.Pointer || k == reflect.Interface {
		return 1
	}
	return 0
}

func orNone(f encodeFunc) encodeFunc {
	return func(e *Encoder, v reflect.Value, depth int) error {
		if v.IsNil() {
			e.tag(tagNone)
			return nil
		}
		return f(e, v, depth)
	}
}

func (e *Encoder) function(f *Function) error {
	if e.Func == nil {
		return fmt.Errorf("%T has no Python form here", f.Func)
	}
	p, err := e.Func(f)
	if err == nil {
		e.word(tagFunc, uint64(p))
		e.mark()
	}
	return err
}

// IsSequence tells whether t is an iter.Seq or an iter.Seq2, under whatever name.
func IsSequence(t reflect.Type) bool {
	if t.Kind() != reflect.Func || t.NumIn() != 1 || t.NumOut() != 0 || t.IsVariadic() {
		return false
	}
	yield := t.In(0)
	return yield.Kind() == reflect.Func && yield.NumOut() == 1 &&
		yield.Out(0).Kind() == reflect.Bool && (yield.NumIn() == 1 || yield.NumIn() == 2)
}

func (e *Encoder) iterator(v reflect.Value, depth int) error {
	if e.Iterator == nil {
		return fmt.Errorf("%s has no Python form here", v.Type())
	}
	return e.made(e.Iterator(v), depth)
}

func (e *Encoder) made(m Made, depth int) error {
	e.special(specialMade)
	e.Tuple(1 + len(m.Args))
	e.str(m.By)
	for _, a := range m.Args {
		if err := e.value(a, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func encodeHandle(e *Encoder, v reflect.Value, _ int) error {
	if v.IsNil() {
		e.tag(tagNone)
		return nil
	}
	if e.Ref == nil {
		return fmt.Errorf("%s has no meaning here", v.Type())
	}
	p, _, err := e.Ref(v.Interface())
	if err == nil {
		e.ref(p)
	}
	return err
}

func encodeMarshaler(e *Encoder, v reflect.Value, depth int) error {
	got, err := v.Interface().(Marshaler).MarshalPython()
	if err != nil {
		return fmt.Errorf("%s: %w", v.Type(), err)
	}
	return e.value(got, depth+1)
}

func encodeText(e *Encoder, v reflect.Value, _ int) error {
	text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return fmt.Errorf("%s: %w", v.Type(), err)
	}
	e.str(string(text))
	return nil
}

func encodeRat(e *Encoder, v reflect.Value, _ int) error {
	r := v.Interface().(*big.Rat)
	e.special(specialRatio)
	e.word(tagTuple, 2)
	e.big(r.Num())
	e.big(r.Denom())
	return nil
}

// A location that has a name of the time zone database keeps it; any other becomes an offset.
func encodeTime(e *Encoder, v reflect.Value, _ int) error {
	t := v.Interface().(time.Time)
	_, offset := t.Zone()
	name := t.Location().String()
	if name == "Local" {
		name = ""
	}
	e.special(specialTime)
	e.word(tagTuple, 3)
	e.int(t.UnixMicro())
	e.int(int64(offset))
	e.str(name)
	return nil
}

func encodeDuration(e *Encoder, v reflect.Value, _ int) error {
	e.special(specialDelta)
	e.int(time.Duration(v.Int()).Microseconds())
	return nil
}

func encodeComplex(e *Encoder, v reflect.Value, _ int) error {
	c := v.Complex()
	e.word(tagComplex, math.Float64bits(real(c)))
	e.Number(math.Float64bits(imag(c)))
	return nil
}

func (e *Encoder) byteArray(v reflect.Value) {
	e.word(tagBytes, uint64(v.Len()))
	for i := range v.Len() {
		e.Buf = append(e.Buf, byte(v.Index(i).Uint()))
	}
}
