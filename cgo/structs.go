package cgo

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// field is one field of a struct, as a key of a dict.
type field struct {
	name      string
	index     []int
	omitEmpty bool
}

// fields is the plan of a struct type: in order, and by name.
type fields struct {
	list   []field
	byName map[string]int
}

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
		if !f.IsExported() || name == "-" || throughPointer(t, f.Index) {
			continue
		}
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			continue // its fields are visible themselves
		}
		if name == "" {
			name = f.Name
		}
		if _, twice := p.byName[name]; twice {
			continue // the outermost wins
		}
		p.byName[name] = len(p.list)
		p.list = append(p.list, field{name, f.Index, opts == "omitempty"})
	}
	got, _ := plans.LoadOrStore(t, p)
	return got.(*fields)
}

// throughPointer: a field of a struct that is embedded by pointer, which may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := t.Field(i)
		if t = f.Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

func (e *Encoder) structure(v reflect.Value, depth int) error {
	p := fieldsOf(v.Type())
	at := len(e.Buf)
	e.word(tagDict, 0)
	n := uint64(0)
	for i := range p.list {
		f := &p.list[i]
		fv := v.FieldByIndex(f.index)
		if f.omitEmpty && fv.IsZero() {
			continue
		}
		e.str(f.name)
		if err := e.nested(fv, depth); err != nil {
			return prefix("."+f.name, err)
		}
		n++
	}
	putNumber(e.Buf[at+1:], n)
	return nil
}

// intoStruct reads a dict: keys that are no fields are passed over, fields without a key stay as
// they are.
func (d *Decoder) intoStruct(v reflect.Value, t byte, depth int) error {
	if t != tagDict {
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(2)
	if err != nil || depth > MaxDepth {
		return ErrMalformed
	}
	p := fieldsOf(v.Type())
	for range n {
		key, err := d.any(depth + 1)
		if err != nil {
			return prefix(" key", err)
		}
		name, _ := key.(string)
		i, ok := p.byName[name]
		if !ok {
			if err := d.skip(depth); err != nil {
				return err
			}
			continue
		}
		if err := d.into(v.FieldByIndex(p.list[i].index), depth+1); err != nil {
			return prefix("."+name, err)
		}
	}
	return nil
}

// skip passes over one value. An object in it becomes a handle that nobody keeps.
func (d *Decoder) skip(depth int) error {
	if _, err := d.any(depth + 1); err != nil {
		return fmt.Errorf("skipped value: %w", err)
	}
	return nil
}
