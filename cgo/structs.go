package cgo

import (
	"reflect"
	"strings"
	"sync"
)

// field is one field of a struct, as a key of a dict.
type field struct {
	name      string
	typ       reflect.Type
	index     []int
	omitEmpty bool
}

// fields is the plan of a struct type: in order, and by name.
type fields struct {
	list   []field
	byName map[string]int
}

// Fields is the plan of a struct whose fields are keyword arguments.
type Fields struct{ p *fields }

// Keywords gives the plan of a struct type, nil for any other and for one that has a form of its
// own.
func Keywords(t reflect.Type) *Fields {
	if t.Kind() != reflect.Struct || t == functionType {
		return nil
	}
	if k, p := shapeKind(t); k == kindStruct && len(p.list) > 0 {
		return &Fields{p}
	}
	return nil
}

// FieldsOf gives the plan of any struct type.
func FieldsOf(t reflect.Type) *Fields { return &Fields{fieldsOf(t)} }

// Params are the fields as parameters.
func (f *Fields) Params() []Param {
	out := make([]Param, len(f.p.list))
	for i, x := range f.p.list {
		out[i] = Param{Name: x.name, Type: x.typ}
	}
	return out
}

// Settable gives field i of a struct that can be set.
func (f *Fields) Settable(v reflect.Value, i int) reflect.Value { return f.p.list[i].settable(v) }

var plans sync.Map // reflect.Type -> *fields

// fieldsOf gives the exported fields of a struct type, those of embedded structs with them, under
// the names of their tags: `py:"name,omitempty"`; `py:"-"` leaves one out.
func fieldsOf(t reflect.Type) *fields {
	if p, ok := plans.Load(t); ok {
		return p.(*fields)
	}
	p := &fields{byName: map[string]int{}}
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("py")
		name, opts, _ := strings.Cut(tag, ",")
		if !f.IsExported() || name == "-" || !reachable(t, f.Index) {
			continue
		}
		if f.Anonymous && !tagged && embeds(f.Type) {
			continue // its fields are visible themselves
		}
		if name == "" {
			name = f.Name
		}
		if _, twice := p.byName[name]; twice {
			continue // the outermost wins
		}
		p.byName[name] = len(p.list)
		p.list = append(p.list, field{name, f.Type, f.Index, opts == "omitempty"})
	}
	got, _ := plans.LoadOrStore(t, p)
	return got.(*fields)
}

// embeds: a struct, or a pointer to one, whose fields count as those of the struct it is in.
func embeds(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t != timeType && t != bigIntType && t != bigRatType
}

// reachable: every struct on the way is embedded as such, and a pointer on it can be set.
func reachable(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := t.Field(i)
		if _, tagged := f.Tag.Lookup("py"); tagged || !embeds(f.Type) {
			return false
		}
		if t = f.Type; t.Kind() == reflect.Pointer {
			if !f.IsExported() {
				return false
			}
			t = t.Elem()
		}
	}
	return true
}

// read gives a field; ok is false if it is in an embedded struct that is not there.
func (f *field) read(v reflect.Value) (_ reflect.Value, ok bool) {
	if len(f.index) == 1 {
		return v.Field(f.index[0]), true
	}
	fv, err := v.FieldByIndexErr(f.index)
	return fv, err == nil
}

// settable gives a field to be set, and makes the embedded structs that it is in.
func (f *field) settable(v reflect.Value) reflect.Value {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

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

// isEmpty: zero, or with nothing in it.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}
