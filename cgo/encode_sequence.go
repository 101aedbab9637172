package cgo

import (
	"reflect"
	"strconv"
	"unsafe"
)

func sequence(tag byte, elem encodeFunc) encodeFunc {
	return func(e *Encoder, v reflect.Value, depth int) error {
		if v.Kind() == reflect.Slice && v.IsNil() {
			e.tag(tagNone)
			return nil
		}
		e.word(tag, uint64(v.Len()))
		for i := range v.Len() {
			if err := elem(e, v.Index(i), depth+1); err != nil {
				return atIndex(i, err)
			}
		}
		return nil
	}
}

func atIndex(i int, err error) error { return prefix("["+strconv.Itoa(i)+"]", err) }

// plain: the elements are numbers or text, and their type has no say in the matter.
func plain(t reflect.Type) bool {
	return !t.Implements(marshalerType) && !reflect.PointerTo(t).Implements(marshalerType) &&
		!t.Implements(textMarshalerType) && !reflect.PointerTo(t).Implements(textMarshalerType) &&
		t != durationType && t != decimalType
}

func sliceEncoder(t reflect.Type) encodeFunc {
	elem := t.Elem()
	if elem.Kind() == reflect.Uint8 {
		return func(e *Encoder, v reflect.Value, _ int) error { e.bytes(v.Bytes()); return nil }
	}
	if plain(elem) {
		switch elem.Kind() {
		case reflect.Int, reflect.Int64:
			return wordsEncoder(tagInts)
		case reflect.Float64:
			return wordsEncoder(tagFloats)
		case reflect.String:
			return orNone(encodeStrings)
		}
	}
	return sequence(tagList, encoderOf(elem))
}

func wordsEncoder(tag byte) encodeFunc {
	return orNone(func(e *Encoder, v reflect.Value, _ int) error {
		e.words(tag, v.UnsafePointer(), v.Len())
		return nil
	})
}

// encodeStrings: texts of any type lie in memory as strings do.
func encodeStrings(e *Encoder, v reflect.Value, _ int) error {
	e.strs(unsafe.Slice((*string)(v.UnsafePointer()), v.Len()))
	return nil
}
