package cgo

import (
	"reflect"
	"slices"
	"unsafe"
)

// A struct is a dict, or an instance of the class that it is registered for. One that keeps all its
// fields to itself is not taken for an empty dict.
func structEncoder(t reflect.Type) encodeFunc {
	p := fieldsOf(t)
	if len(p.list) == 0 && t.NumField() > 0 {
		return func(e *Encoder, v reflect.Value, _ int) error {
			if e.instance(v) {
				return nil
			}
			return noForm(t)
		}
	}
	encoders := make([]encodeFunc, len(p.list))
	for i, f := range p.list {
		encoders[i] = encoderOf(f.typ)
	}
	return func(e *Encoder, v reflect.Value, depth int) error {
		if e.instance(v) {
			return nil
		}
		if e.Class != nil {
			if class, ok := e.Class(t); ok {
				e.special(specialInstance)
				e.word(tagTuple, 2)
				e.ref(class)
			}
		}
		return e.fields(p, encoders, v, depth)
	}
}

// instance appends a struct, or a pointer to one, as itself, if it has a class.
func (e *Encoder) instance(v reflect.Value) bool {
	if e.Instance == nil {
		return false
	}
	p, class, ok := e.Instance(v)
	if ok {
		e.Go(p, class)
	}
	return ok
}

func (e *Encoder) fields(p *fields, encoders []encodeFunc, v reflect.Value, depth int) error {
	if e.layout(p) {
		return e.values(p, encoders, v, depth)
	}
	at := len(e.Buf)
	e.word(tagDict, 0)
	n := uint64(0)
	for i := range p.list {
		f := &p.list[i]
		fv, ok := f.read(v)
		if !ok || f.omitEmpty && isEmpty(fv) {
			continue
		}
		e.str(f.name)
		if err := encoders[i](e, fv, depth+1); err != nil {
			return prefix("."+f.name, err)
		}
		n++
	}
	putNumber(e.Buf[at+1:], n)
	return nil
}

// layout appends the number of the layout, and the names of the fields where it is a new one: the
// second struct of a type has one made. False: the names are to stand in this struct.
func (e *Encoder) layout(p *fields) bool {
	if !e.Layouts || p.names == "" {
		return false
	}
	if i := slices.Index(e.layouts, p); i >= 0 {
		e.Buf = append(e.Buf, tagStruct, byte(i))
		return true
	}
	if !slices.Contains(e.met, p) {
		if len(e.met) < maxLayouts {
			e.met = append(e.met, p)
		}
		return false
	}
	e.Buf = append(append(e.Buf, tagStruct, byte(len(e.layouts))), p.names...)
	e.layouts = append(e.layouts, p)
	return true
}

// values appends the fields of a struct whose layout is known. Those that are leaves are read where
// they lie, without reflection.
func (e *Encoder) values(p *fields, encoders []encodeFunc, v reflect.Value, depth int) error {
	var base unsafe.Pointer
	if v.CanAddr() {
		base = unsafe.Pointer(v.UnsafeAddr())
	}
	for i := range p.list {
		f := &p.list[i]
		if base != nil && e.leaf(f.leaf, unsafe.Add(base, f.offset)) {
			continue
		}
		fv, ok := f.read(v)
		if !ok || f.omitEmpty && isEmpty(fv) {
			e.tag(tagMissing)
			continue
		}
		if err := encoders[i](e, fv, depth+1); err != nil {
			return prefix("."+f.name, err)
		}
	}
	return nil
}

// namesOf is how the names of a layout cross; "" if they cannot.
func namesOf(list []field) string {
	if len(list) > 255 {
		return ""
	}
	b := []byte{byte(len(list))}
	for _, f := range list {
		if len(f.name) > 255 {
			return ""
		}
		b = append(append(b, byte(len(f.name))), f.name...)
	}
	return string(b)
}

// leafOf is the kind of a field that is a number or text and no more, Slice for a []string.
func leafOf(f *field) reflect.Kind {
	switch k := f.typ.Kind(); {
	case len(f.index) > 1 || f.omitEmpty:
	case f.typ == reflect.TypeFor[[]string]():
		return reflect.Slice
	case !plain(f.typ):
	case k == reflect.String, k == reflect.Int, k == reflect.Int64, k == reflect.Float64,
		k == reflect.Bool:
		return k
	}
	return reflect.Invalid
}

func (e *Encoder) leaf(k reflect.Kind, p unsafe.Pointer) bool {
	switch k {
	case reflect.String:
		e.str(*(*string)(p))
	case reflect.Int:
		e.int(int64(*(*int)(p)))
	case reflect.Int64:
		e.int(*(*int64)(p))
	case reflect.Float64:
		e.word(tagFloat, *(*uint64)(p))
	case reflect.Bool:
		e.bool(*(*bool)(p))
	case reflect.Slice:
		e.strs(*(*[]string)(p))
	default:
		return false
	}
	return true
}

// isEmpty: zero, or with nothing in it.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}
