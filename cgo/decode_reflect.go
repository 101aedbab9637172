package cgo

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"sync"
	"unsafe"
)

// decodeFunc reads a value, whose tag has been read, into v, which can be set.
type decodeFunc func(d *Decoder, t byte, v reflect.Value, depth int) error

var decoders sync.Map // reflect.Type -> decodeFunc

// decoderOf makes the decoder of a type once, as encoderOf does.
func decoderOf(t reflect.Type) decodeFunc {
	if f, ok := decoders.Load(t); ok {
		return f.(decodeFunc)
	}
	var made decodeFunc
	ready := make(chan struct{})
	wait := decodeFunc(func(d *Decoder, t byte, v reflect.Value, depth int) error {
		<-ready
		return made(d, t, v, depth)
	})
	if f, loaded := decoders.LoadOrStore(t, wait); loaded {
		return f.(decodeFunc)
	}
	made = newDecoder(t)
	close(ready)
	decoders.Store(t, made)
	return made
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

func decodeUnmarshaler(d *Decoder, t byte, v reflect.Value, depth int) error {
	got, err := d.any(t, depth)
	if err != nil {
		return err
	}
	if err := v.Addr().Interface().(Unmarshaler).UnmarshalPython(got); err != nil {
		return fmt.Errorf("%T into %s: %w", got, v.Type(), err)
	}
	return nil
}

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
		p := reflect.New(t.Elem())
		if err := elem(d, tag, p.Elem(), depth+more); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
}

// items reads n values into v, a slice or an array of so many.
func (d *Decoder) items(v reflect.Value, elem decodeFunc, n, depth int) error {
	if depth > MaxDepth {
		return ErrMalformed
	}
	for i := range n {
		t, err := d.tag()
		if err == nil {
			err = elem(d, t, v.Index(i), depth+1)
		}
		if err != nil {
			return atIndex(i, err)
		}
	}
	return nil
}

func sliceDecoder(t reflect.Type) decodeFunc {
	elem := decoderOf(t.Elem())
	isBytes := t.Elem().Kind() == reflect.Uint8
	isTexts := t == reflect.TypeFor[[]string]()
	return func(d *Decoder, tag byte, v reflect.Value, depth int) error {
		switch {
		case isTexts && tag == tagList:
			return d.texts(v.Addr().Interface().(*[]string))
		case tag == tagNone:
			v.SetZero()
			return nil
		case isBytes && d.isBytes(tag):
			b, err := d.asBytes(tag)
			v.SetBytes(b)
			return err
		case tag == tagInts || tag == tagFloats:
			return d.intoWords(tag, v)
		case tag == tagArray:
			a, err := d.array()
			if err != nil {
				return err
			}
			return a.intoSlice(v)
		case tag != tagList && tag != tagTuple && tag != tagSet:
			return d.mismatch(tag, t.String())
		}
		n, err := d.length(1)
		if err != nil {
			return err
		}
		s := reflect.MakeSlice(t, n, n)
		if err := d.items(s, elem, n, depth); err != nil {
			return err
		}
		v.Set(s)
		return nil
	}
}

// texts is for a list of str: it goes without a look at types.
func (d *Decoder) texts(to *[]string) error {
	n, err := d.length(1)
	if err != nil {
		return err
	}
	list := make([]string, n)
	for i := range list {
		b := d.Buf[d.pos:]
		if len(b) > 2 && b[0] == tagStr8 && len(b)-2 >= int(b[1]) {
			d.pos += 2 + int(b[1])
			list[i] = d.text(b[2 : 2+int(b[1])])
			continue
		}
		t, err := d.tag()
		if err == nil {
			list[i], err = d.str(t)
		}
		if err != nil {
			return atIndex(i, err)
		}
	}
	*to = list
	return nil
}

// sliceOf makes a slice of items that lie in memory as they do in Go. A copy of bytes is not
// cleared first, as a new slice of numbers would be.
func sliceOf(t reflect.Type, b []byte, n int) reflect.Value {
	if n == 0 {
		return reflect.MakeSlice(t, 0, 0)
	}
	b = append([]byte(nil), b...)
	return reflect.SliceAt(t.Elem(), unsafe.Pointer(unsafe.SliceData(b)), n).Convert(t)
}

// intoWords copies what lies in memory as it does in Go, and looks at each number otherwise.
func (d *Decoder) intoWords(tag byte, v reflect.Value) error {
	b, err := d.words()
	if err != nil {
		return err
	}
	n, kind := len(b)/8, v.Type().Elem().Kind()
	asIs := kind == reflect.Float64
	if tag == tagInts {
		asIs = kind == reflect.Int || kind == reflect.Int64
	}
	if asIs && v.Kind() == reflect.Slice {
		v.Set(sliceOf(v.Type(), b, n))
		return nil
	}
	s := v
	if v.Kind() == reflect.Slice {
		s = reflect.MakeSlice(v.Type(), n, n)
	} else if n != v.Len() {
		return fmt.Errorf("list of %d into %s", n, v.Type())
	}
	for i := range n {
		w := binary.LittleEndian.Uint64(b[8*i:])
		if tag == tagInts {
			err = setInt(s.Index(i), int64(w))
		} else {
			err = setFloat(s.Index(i), math.Float64frombits(w), "float")
		}
		if err != nil {
			return atIndex(i, err)
		}
	}
	v.Set(s)
	return nil
}

func fillBytes(d *Decoder, t byte, v reflect.Value, depth int) error {
	if !d.isBytes(t) {
		return fillArray(d, t, v, depth)
	}
	b, err := d.blob(t)
	if err != nil {
		return err
	}
	if len(b) != v.Len() {
		return fmt.Errorf("bytes of %d into %s", len(b), v.Type())
	}
	reflect.Copy(v, reflect.ValueOf(b))
	return nil
}

func fillArray(d *Decoder, t byte, v reflect.Value, depth int) error {
	switch t {
	case tagInts, tagFloats:
		return d.intoWords(t, v)
	case tagArray:
		a, err := d.array()
		if err != nil {
			return err
		}
		return a.intoArray(v)
	case tagList, tagTuple:
	default:
		return d.mismatch(t, v.Type().String())
	}
	n, err := d.length(1)
	if err != nil {
		return err
	}
	if n != v.Len() {
		return fmt.Errorf("%s of %d into %s", tagNames[t], n, v.Type())
	}
	return d.items(v, decoderOf(v.Type().Elem()), n, depth)
}

func arrayDecoder(t reflect.Type) decodeFunc {
	if t.Elem() == reflect.TypeFor[byte]() {
		return fillBytes
	}
	return fillArray
}

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
