package cgo

import (
	"fmt"
	"reflect"
)

// mapDecoder reads dicts; a map whose values hold nothing takes sets.
func mapDecoder(t reflect.Type) decodeFunc {
	key, elem, set := decoderOf(t.Key()), decoderOf(t.Elem()), isSet(t)
	return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
		switch {
		case tag == tagNone:
			v.SetZero()
			return nil
		case tag == tagSet && set:
			return d.intoMap(v, key, nil, depth)
		case tag == tagDict:
			return d.intoMap(v, key, elem, depth)
		}
		return d.mismatch(tag, t.String())
	}
}

// intoMap reads keys and, where elem is not nil, values.
func (d *Decoder) intoMap(v reflect.Value, key, elem decodeFunc, depth int) error {
	n, err := d.length(1)
	if err != nil || depth > MaxDepth {
		return ErrMalformed
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, n)
	k, val := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
	for i := range n {
		k.SetZero()
		val.SetZero()
		if err := d.mapKey(key, k, depth); err != nil {
			return prefix(" key", err)
		}
		if elem != nil {
			if err := d.mapValue(elem, val, depth); err != nil {
				return prefix(fmt.Sprintf("[%#v]", k), err)
			}
		}
		m.SetMapIndex(k, val)
		if m.Len() != i+1 {
			return collision(k.Interface())
		}
	}
	v.Set(m)
	return nil
}

func (d *Decoder) mapValue(elem decodeFunc, v reflect.Value, depth int) error {
	t, err := d.tag()
	if err != nil {
		return err
	}
	return elem(d, t, v, depth+1)
}

func (d *Decoder) mapKey(key decodeFunc, k reflect.Value, depth int) error {
	t, err := d.tag()
	if err != nil {
		return err
	}
	if k.Kind() == reflect.String && (t == tagStr8 || t == tagStr) && plain(k.Type()) {
		s, err := d.key(t)
		k.SetString(s)
		return err
	}
	if k.Kind() == reflect.Interface {
		got, err := d.any(t, depth+1)
		if err == nil {
			got, err = hashable(got)
		}
		if err != nil || got == nil {
			return err
		}
		if !reflect.TypeOf(got).AssignableTo(k.Type()) {
			return fmt.Errorf("%T into %s", got, k.Type())
		}
		k.Set(reflect.ValueOf(got))
		return nil
	}
	if err := key(d, t, k, depth+1); err != nil {
		return err
	}
	if !k.Comparable() {
		return fmt.Errorf("%s cannot be a key in Go", k.Type())
	}
	return nil
}

// structDecoder reads the fields that its shape has asked for, or a dict: keys that are no fields
// are passed over, fields without a key stay as they are.
func structDecoder(t reflect.Type) decodeFunc {
	p := fieldsOf(t)
	elems := make([]decodeFunc, len(p.list))
	for i, f := range p.list {
		elems[i] = decoderOf(f.typ)
	}
	return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
		if depth > MaxDepth {
			return ErrMalformed
		}
		switch tag {
		case tagRecord:
			return d.record(p, elems, v, depth)
		case tagDict:
			return d.dictInto(p, elems, v, depth)
		case tagGo:
			return d.goInto(v)
		}
		return d.mismatch(tag, t.String())
	}
}

func (d *Decoder) record(p *fields, elems []decodeFunc, v reflect.Value, depth int) error {
	n, err := d.length(1)
	if err != nil || n != len(p.list) {
		return ErrMalformed
	}
	for i := range p.list {
		t, err := d.tag()
		if err != nil {
			return err
		}
		if t == tagMissing {
			continue
		}
		if err := elems[i](d, t, p.list[i].settable(v), depth+1); err != nil {
			return prefix("."+p.list[i].name, err)
		}
	}
	return nil
}

func (d *Decoder) dictInto(p *fields, elems []decodeFunc, v reflect.Value, depth int) error {
	n, err := d.length(2)
	if err != nil {
		return err
	}
	for range n {
		key, err := d.next(depth + 1)
		if err != nil {
			return prefix(" key", err)
		}
		t, err := d.tag()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		i, ok := p.byName[name]
		if !ok {
			if _, err := d.any(t, depth+1); err != nil {
				return fmt.Errorf("skipped value: %w", err)
			}
			continue
		}
		if err := elems[i](d, t, p.list[i].settable(v), depth+1); err != nil {
			return prefix("."+name, err)
		}
	}
	return nil
}
