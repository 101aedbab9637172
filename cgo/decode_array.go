package cgo

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"unsafe"
)

// array is what the buffer protocol gave: items in C order.
type array struct {
	kind  byte // b, i, u, f, c, as in numpy
	size  int  // bytes an item
	shape []int
	data  []byte
}

// mostRows bounds those of an array without items, such as one of the shape (1000, 0).
const mostRows = 1 << 20

func (d *Decoder) array() (array, error) {
	if len(d.Buf)-d.pos < 3 {
		return array{}, ErrMalformed
	}
	a := array{kind: d.Buf[d.pos], size: int(d.Buf[d.pos+1])}
	dims := int(d.Buf[d.pos+2])
	d.pos += 3
	items := uint64(1)
	for range dims {
		n, err := d.number()
		if err != nil || n > math.MaxInt32*1024 {
			return array{}, ErrMalformed
		}
		if n > 0 && items > max(uint64(len(d.Buf)), mostRows)/n {
			return array{}, ErrMalformed
		}
		items *= n
		a.shape = append(a.shape, int(n))
	}
	bytes := items * uint64(a.size)
	if dims == 0 || !a.known() || bytes > uint64(len(d.Buf)-d.pos) {
		return array{}, ErrMalformed
	}
	d.pos += int(bytes)
	a.data = d.Buf[d.pos-int(bytes) : d.pos]
	return a, nil
}

func (a *array) known() bool {
	switch a.kind {
	case 'b':
		return a.size == 1
	case 'i', 'u':
		return a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8
	case 'f':
		return a.size == 2 || a.size == 4 || a.size == 8
	case 'c':
		return a.size == 8 || a.size == 16
	}
	return false
}

// sub is item i of an array of several dimensions.
func (a *array) sub(i int) array {
	n := a.size
	for _, m := range a.shape[1:] {
		n *= m
	}
	return array{a.kind, a.size, a.shape[1:], a.data[i*n : (i+1)*n]}
}

func (a *array) item(i int) unsafe.Pointer { return unsafe.Pointer(&a.data[i*a.size]) }

func (a *array) int(i int) int64 {
	switch p := a.item(i); a.size {
	case 1:
		return int64(*(*int8)(p))
	case 2:
		return int64(load[int16](p))
	case 4:
		return int64(load[int32](p))
	default:
		return load[int64](p)
	}
}

func (a *array) uint(i int) uint64 {
	switch p := a.item(i); a.size {
	case 1:
		return uint64(*(*uint8)(p))
	case 2:
		return uint64(load[uint16](p))
	case 4:
		return uint64(load[uint32](p))
	default:
		return load[uint64](p)
	}
}

func (a *array) float(i int) float64 {
	switch p := a.item(i); a.size {
	case 2:
		return half(load[uint16](p))
	case 4:
		return float64(load[float32](p))
	default:
		return load[float64](p)
	}
}

func (a *array) complex(i int) complex128 {
	if a.size == 8 {
		return complex(float64(load[float32](a.item(i))),
			float64(load[float32](unsafe.Add(a.item(i), 4))))
	}
	return complex(load[float64](a.item(i)), load[float64](unsafe.Add(a.item(i), 8)))
}

// load reads a number that need not be aligned.
func load[T any](p unsafe.Pointer) (v T) {
	n := unsafe.Sizeof(v)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), n), unsafe.Slice((*byte)(p), n))
	return v
}

// half is IEEE 754's float of 16 bits.
func half(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// set stores item i in v, with a look at its range.
func (a *array) set(v reflect.Value, i int) error {
	k := v.Kind()
	switch {
	case a.kind == 'b' && k == reflect.Bool:
		v.SetBool(*(*byte)(a.item(i)) != 0)
	case a.kind == 'i':
		return setInt(v, a.int(i))
	case a.kind == 'u':
		return setUint(v, a.uint(i))
	case a.kind == 'f':
		return setFloat(v, a.float(i), "float")
	case a.kind == 'c' && v.CanComplex():
		c := a.complex(i)
		if v.OverflowComplex(c) {
			return fmt.Errorf("%v overflows %s", c, v.Type())
		}
		v.SetComplex(c)
	case k == reflect.Interface && v.NumMethod() == 0:
		v.Set(reflect.ValueOf(a.any(i)))
	default:
		return fmt.Errorf("array of %s into %s", a.name(), v.Type())
	}
	return nil
}

func (a *array) name() string {
	names := map[byte]string{'b': "bool", 'i': "int", 'u': "uint", 'f': "float", 'c': "complex"}
	if a.kind == 'b' {
		return names[a.kind]
	}
	return fmt.Sprint(names[a.kind], 8*a.size)
}

func (a *array) any(i int) any {
	switch a.kind {
	case 'b':
		return *(*byte)(a.item(i)) != 0
	case 'i':
		return a.int(i)
	case 'f':
		return a.float(i)
	case 'c':
		return a.complex(i)
	}
	n := a.uint(i)
	if n > math.MaxInt64 {
		return new(big.Int).SetUint64(n)
	}
	return int64(n)
}

// same: the items lie in memory as Go's do.
func (a *array) same(t reflect.Type) bool {
	var kinds map[int]reflect.Kind
	switch a.kind {
	case 'i':
		if a.size == 8 && t.Kind() == reflect.Int {
			return true
		}
		kinds = map[int]reflect.Kind{1: reflect.Int8, 2: reflect.Int16, 4: reflect.Int32,
			8: reflect.Int64}
	case 'u':
		if a.size == 8 && t.Kind() == reflect.Uint {
			return true
		}
		kinds = map[int]reflect.Kind{1: reflect.Uint8, 2: reflect.Uint16, 4: reflect.Uint32,
			8: reflect.Uint64}
	case 'f':
		kinds = map[int]reflect.Kind{4: reflect.Float32, 8: reflect.Float64}
	case 'c':
		kinds = map[int]reflect.Kind{8: reflect.Complex64, 16: reflect.Complex128}
	}
	return kinds[a.size] == t.Kind()
}

// intoSlice copies the array into a slice; one of several dimensions into slices of slices.
func (a *array) intoSlice(v reflect.Value) error {
	n := a.shape[0]
	if len(a.shape) == 1 && a.same(v.Type().Elem()) {
		v.Set(sliceOf(v.Type(), a.data, n))
		return nil
	}
	s := reflect.MakeSlice(v.Type(), n, n)
	if err := a.fill(s); err != nil {
		return err
	}
	v.Set(s)
	return nil
}

func (a *array) intoArray(v reflect.Value) error {
	if a.shape[0] != v.Len() {
		return fmt.Errorf("array of %d into %s", a.shape[0], v.Type())
	}
	return a.fill(v)
}

// fill stores the items in a slice or an array of their number.
func (a *array) fill(v reflect.Value) error {
	elem := v.Type().Elem()
	if len(a.shape) > 1 {
		return a.fillRows(v, elem)
	}
	if a.same(elem) && v.Len() > 0 {
		to := unsafe.Slice((*byte)(v.Index(0).Addr().UnsafePointer()), len(a.data))
		copy(to, a.data)
		return nil
	}
	for i := range v.Len() {
		if err := a.set(v.Index(i), i); err != nil {
			return atIndex(i, err)
		}
	}
	return nil
}

func (a *array) fillRows(v reflect.Value, elem reflect.Type) error {
	for i := range v.Len() {
		row, err := a.sub(i), error(nil)
		switch elem.Kind() {
		case reflect.Slice:
			err = row.intoSlice(v.Index(i))
		case reflect.Array:
			err = row.intoArray(v.Index(i))
		case reflect.Interface:
			v.Index(i).Set(reflect.ValueOf(row.list()))
		default:
			err = fmt.Errorf("array of %d dimensions into %s", len(a.shape), v.Type())
		}
		if err != nil {
			return atIndex(i, err)
		}
	}
	return nil
}

// anyArray is for a target that says no more than []any.
func (d *Decoder) anyArray() (any, error) {
	a, err := d.array()
	if err != nil {
		return nil, err
	}
	return a.list(), nil
}

func (a *array) list() []any {
	list := make([]any, a.shape[0])
	for i := range list {
		if len(a.shape) > 1 {
			row := a.sub(i)
			list[i] = row.list()
		} else {
			list[i] = a.any(i)
		}
	}
	return list
}
