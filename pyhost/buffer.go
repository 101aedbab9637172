package pyhost

import (
	"errors"
	"fmt"
	"math/bits"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
)

// Item is what a [Buffer] and a [View] are made of. For bool, whoever writes writes 0 and 1 only.
type Item interface {
	~bool | ~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64 | ~complex64 | ~complex128
}

// Buffer is Go memory that Python may see, without a copy. As an argument of a call, in containers
// and in [Thread.Value] it becomes an object with the buffer protocol, in any number of runtimes:
// memoryview, numpy.asarray, hashlib, struct and the write methods of files take it. Its length,
// its items and its slices are those of a memoryview, which Python code does better to make itself
// if it reads many one by one. Decoded into a slice it is copied like any array; into any it is a
// *[Ref].
//
// The memory is pinned, and stays reachable, until Python can see it no more: after Close, or after
// the collectors of Go and of every runtime have found the Buffer and its objects unused, when
// the last view has gone. A runtime that Close leaves unfinished keeps its views.
//
// Nothing keeps Go and Python from the memory at the same time: that nobody writes while another
// reads or writes is up to the program. Any goroutine may use a Buffer.
type Buffer struct {
	export *cgo.Export
	closed atomic.Bool
}

// NewBuffer makes a Buffer over data, which Python may only read: so that nothing changes under Go
// code that does not expect it. See [NewWritableBuffer].
//
// The shape says how many items each dimension has, in C order: the last one varies fastest.
// Without a shape there is one dimension, of all items; a shape that is empty and not nil makes one
// of no dimension, of one item. The slice must have as many items as the shape.
//
// The slice may be of any memory, that of mmap too. Hundreds of megabytes are read faster in huge
// pages, for which numpy asks the system and Go's heap does not: mmap and an madvise with
// MADV_HUGEPAGE make memory that has them.
func NewBuffer[T Item](data []T, shape ...int) (*Buffer, error) {
	return newBuffer(data, shape, true)
}

// NewWritableBuffer makes a Buffer over data that Python may change.
func NewWritableBuffer[T Item](data []T, shape ...int) (*Buffer, error) {
	return newBuffer(data, shape, false)
}

// maxDims is PyBUF_MAX_NDIM.
const maxDims = 64

func newBuffer[T Item](data []T, shape []int, readOnly bool) (*Buffer, error) {
	if shape == nil {
		shape = []int{len(data)}
	}
	size := int(unsafe.Sizeof(*new(T)))
	if err := checkShape(shape, len(data), size); err != nil {
		return nil, fmt.Errorf("pyhost: buffer: %w", err)
	}
	e := cgo.NewExport(unsafe.Pointer(unsafe.SliceData(data)), format(reflect.TypeFor[T]()), size,
		shape, readOnly)
	if e == nil {
		return nil, ErrNoMemory
	}
	return &Buffer{export: e}, nil
}

// checkShape sees that no product of lengths overflows, though another length may be 0.
func checkShape(shape []int, items, size int) error {
	if len(shape) > maxDims {
		return fmt.Errorf("%d dimensions are more than %d", len(shape), maxDims)
	}
	product, bytes := 1, uint64(size)
	for _, n := range shape {
		if n < 0 {
			return fmt.Errorf("negative length in shape %v", shape)
		}
		over, low := bits.Mul64(bytes, uint64(max(n, 1)))
		if over != 0 || low > 1<<62 {
			return fmt.Errorf("shape %v overflows", shape)
		}
		product, bytes = product*n, low
	}
	if product != items {
		return fmt.Errorf("shape %v is of %d items, not of %d", shape, product, items)
	}
	return nil
}

// format is that of Python's struct module. C's long has 64 bits wherever Python runs here.
func format(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "?"
	case reflect.Int8:
		return "b"
	case reflect.Uint8:
		return "B"
	case reflect.Int16:
		return "h"
	case reflect.Uint16:
		return "H"
	case reflect.Int32:
		return "i"
	case reflect.Uint32:
		return "I"
	case reflect.Int, reflect.Int64:
		return "l"
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return "L"
	case reflect.Float32:
		return "f"
	case reflect.Float64:
		return "d"
	case reflect.Complex64:
		return "Zf"
	}
	return "Zd"
}

var (
	errNoBuffer     = errors.New("a Buffer of nothing: use NewBuffer")
	errBufferClosed = errors.New("the Buffer is closed")
)

// Close ends Python's access: an object made of the Buffer gives no view any more. If Python has
// none, the memory is Go's alone when Close returns nil. Otherwise the error is [ErrInUse] and says
// how many there are; they stay valid, the memory stays where it is, and OnRelease tells when the
// last has gone. Close may be called again, to ask.
func (b *Buffer) Close() error {
	if b == nil {
		return nil
	}
	if b.export == nil {
		return fmt.Errorf("pyhost: %w", errNoBuffer)
	}
	b.closed.Store(true)
	if n := b.export.Close(); n > 0 {
		return fmt.Errorf("%w: %d", ErrInUse, n)
	}
	return nil
}

// Views is the number of views that Python has at the moment.
func (b *Buffer) Views() int {
	if b.export == nil {
		return 0
	}
	return b.export.Views()
}

// OnRelease has fn called once, on a goroutine of its own, when Python can see the memory no more.
// A fn that refers to the Buffer keeps it from the collector: then it takes Close.
func (b *Buffer) OnRelease(fn func()) {
	if b.export != nil {
		b.export.OnRelease(fn)
	}
}

// MarshalPython makes Buffer a [Marshaler].
func (b *Buffer) MarshalPython() (any, error) {
	if b.export == nil {
		return nil, errNoBuffer
	}
	if b.closed.Load() {
		return nil, errBufferClosed
	}
	return b.export, nil
}
