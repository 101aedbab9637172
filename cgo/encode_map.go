package cgo

import (
	"fmt"
	"reflect"
)

// A map is a dict, in no order; one whose values hold nothing a set.
func mapEncoder(t reflect.Type) encodeFunc {
	key, elem, set := keyEncoder(t.Key()), encoderOf(t.Elem()), isSet(t)
	return orNone(func(e *Encoder, v reflect.Value, depth int) error {
		tag := byte(tagDict)
		if set {
			tag = tagSet
		}
		e.word(tag, uint64(v.Len()))
		k, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		for it := v.MapRange(); it.Next(); {
			k.SetIterKey(it)
			if err := key(e, k, depth+1); err != nil {
				return prefix(" key", err)
			}
			if set {
				continue
			}
			val.SetIterValue(it)
			if err := elem(e, val, depth+1); err != nil {
				return prefix(fmt.Sprintf("[%#v]", k), err)
			}
		}
		return nil
	})
}

// Keys must be hashable in Python: arrays and structs are tuples there.
func keyEncoder(t reflect.Type) encodeFunc {
	switch {
	case t.Kind() == reflect.Interface:
		return orNone(func(e *Encoder, v reflect.Value, depth int) error {
			return keyEncoder(v.Elem().Type())(e, v.Elem(), depth)
		})
	case isUUID(t), !plain(t), t == timeType:
	case t.Kind() == reflect.Array && t.Elem().Kind() != reflect.Uint8:
		return sequence(tagTuple, keyEncoder(t.Elem()))
	case t.Kind() == reflect.Struct:
		return structKeyEncoder(t)
	}
	return encoderOf(t)
}

func structKeyEncoder(t reflect.Type) encodeFunc {
	p := fieldsOf(t)
	return func(e *Encoder, v reflect.Value, depth int) error {
		e.word(tagTuple, uint64(len(p.list)))
		for i := range p.list {
			f := &p.list[i]
			fv := v.FieldByIndex(f.index)
			if err := keyEncoder(fv.Type())(e, fv, depth+1); err != nil {
				return prefix("."+f.name, err)
			}
		}
		return nil
	}
}
