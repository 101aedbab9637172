package pyhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
)

// BufferInfo says how an object with the buffer protocol lays its memory out.
type BufferInfo struct {
	Format   string // of an item, as in Python's struct module
	ItemSize int    // in bytes
	Shape    []int  // the number of items in each dimension; empty: one item, of no dimension
	Strides  []int  // by how many bytes the next item of each dimension is off
	ReadOnly bool
}

// View is memory of Python that Go sees as a slice, without a copy where that can be: of bytes,
// bytearray, array.array, memoryview, a numpy array or a [Buffer]. Any goroutine may read Data. Who
// writes to it, which takes [WritableViewOf], sees to it that nobody else, Python included, uses it
// at the same time.
//
// The object is held, and must not be resized, until Release. A View that is not released is held
// for ever: the collector cannot know what was made of Data. Close of its runtime then leaves the
// interpreter unfinished, with a *[LeakError]. Keep the *View: a copy does not know of its release.
type View[T Item] struct {
	Data   []T  // all items, in C order
	Copied bool // Data is a copy, because the items do not lie as Go's do
	BufferInfo

	view     cgo.View    // of Data, unless it is a copy
	writable bool        // Data is among writers
	held     atomic.Bool // not released
}

// ViewOf gives a View to be read. Its Data must not be written to: it may be that of bytes, which
// never change. The items must be T's in kind and size, in any byte order; nothing is converted.
// They are copied if they do not lie side by side in C order, aligned and in the machine's order;
// so are bools of other bytes than 0 and 1, which become true.
//
// An *Object is viewed while its Thread is attached, and ctx is not used; a *Ref from any
// goroutine. An array of numpy of datetime64 or timedelta64, which have no buffer format, is one of
// int64. Where numpy is installed, an object with __array_interface__ or __dlpack__ will do too,
// such as a tensor of torch. An array of Python objects is an error.
func ViewOf[T Item, H *Object | *Ref](ctx context.Context, from H) (*View[T], error) {
	return viewOf[T](ctx, from, false)
}

// WritableViewOf gives a View that may be written to. That the object is read-only, or would have
// to be copied, is an error; so is [ErrOverlap], that another such View has some of the same memory
// and is not released.
func WritableViewOf[T Item, H *Object | *Ref](ctx context.Context, from H) (*View[T], error) {
	return viewOf[T](ctx, from, true)
}

func viewOf[T Item](ctx context.Context, from any, writable bool) (v *View[T], err error) {
	switch from := from.(type) {
	case *Object:
		v, err = viewObject[T](from, writable)
	case *Ref:
		if from == nil || from.held == nil {
			return nil, errors.New("pyhost: view of a Ref that refers to nothing")
		}
		if from.held.rt == nil {
			return nil, fmt.Errorf("%w: %s is in another process", ErrOtherRuntime, from)
		}
		err = from.held.rt.Do(ctx, func(th *Thread) error {
			o, err := th.Value(from)
			if err == nil {
				v, err = viewObject[T](o, writable)
			}
			return err
		})
	}
	return v, err
}

// Buffer says how the object lays its memory out. An object without the buffer protocol is a
// TypeError.
func (o *Object) Buffer() (BufferInfo, error) {
	view, err := o.view(false)
	if err != nil {
		return BufferInfo{}, err
	}
	defer view.Close()
	return infoOf(view), nil
}

func (o *Object) view(writable bool) (cgo.View, error) {
	th, err := o.thread("view")
	if err != nil {
		return cgo.View{}, err
	}
	view, err := th.view(o, writable)
	if err == nil {
		return view, nil
	}
	other := o.otherwise(th)
	if other == nil {
		return cgo.View{}, err
	}
	return th.view(other, writable)
}

func (th *Thread) view(o *Object, writable bool) (cgo.View, error) {
	c := th.newCall()
	defer c.put()
	c.enc.Buf = append(c.enc.Buf, 0)
	if writable {
		c.enc.Buf[0] = 1
	}
	if err := th.cross("view", c, cgo.ObjView, o.ptr); err != nil {
		return cgo.View{}, err
	}
	return c.frame.View(), nil
}

// otherwise gives an object over the same memory that has the buffer protocol, for one that has
// not; nil: there is none.
func (o *Object) otherwise(th *Thread) *Object {
	with, err := th.Lookup("_pyhost.with_buffer")
	if err != nil {
		return nil
	}
	other, err := with.Call("", o)
	if err != nil {
		return nil
	}
	if is, err := other.Is(nil); err != nil || is {
		return nil
	}
	return other
}

func infoOf(v cgo.View) BufferInfo {
	shape, strides := v.Dims()
	return BufferInfo{v.Format(), v.ItemSize(), shape, strides, v.ReadOnly()}
}

func viewObject[T Item](o *Object, writable bool) (*View[T], error) {
	view, err := o.view(writable)
	if err != nil {
		return nil, err
	}
	v := &View[T]{view: view, BufferInfo: infoOf(view)}
	if err := v.fill(o.scope.th, writable); err != nil {
		view.Close()
		return nil, fmt.Errorf("pyhost: view: %w", err)
	}
	if v.writable = writable && len(v.Data) > 0; v.writable {
		if err := writers.add(view); err != nil {
			view.Close()
			return nil, err
		}
	}
	if v.Copied {
		view.Close()
	}
	v.held.Store(true)
	return v, nil
}

// fill sets Data.
func (v *View[T]) fill(th *Thread, writable bool) error {
	t := reflect.TypeFor[T]()
	got, want := layoutOf(v.Format), layoutOf(format(t))
	if got.kind != want.kind || v.ItemSize != int(t.Size()) {
		return fmt.Errorf("items of format %q and %d bytes are no %s", v.Format, v.ItemSize, t)
	}
	n := v.view.Len() / v.ItemSize
	swapped := got.swapped && v.ItemSize > 1
	at := v.view.Data()
	aligned := uintptr(at)%uintptr(t.Align()) == 0
	v.Copied = n > 0 && (swapped || !v.view.Contiguous() || !aligned ||
		want.kind == 'b' && !areBools(unsafe.Slice((*byte)(at), n)))
	switch {
	case n == 0:
		v.Data = []T{}
	case !v.Copied:
		v.Data = unsafe.Slice((*T)(at), n)
	case writable:
		return errors.New("the items must be copied to be seen, so they cannot be written to")
	default:
		return v.copy(th, n, swapped)
	}
	return nil
}

func (v *View[T]) copy(th *Thread, n int, swapped bool) error {
	c := getCall()
	defer c.put()
	c.rt = th.rt
	v.Data = make([]T, n)
	to := unsafe.Slice((*byte)(unsafe.Pointer(&v.Data[0])), v.view.Len())
	status := th.rt.in.CopyView(&th.call.frame, &c.frame, v.view, to)
	c.far = c.frame.Fetch(th.rt.in.DecrefLater)
	if status == cgo.StatusRaised {
		return th.rt.raised(c)
	}
	if reflect.TypeFor[T]().Kind() == reflect.Bool {
		for i, b := range to {
			to[i] = min(b, 1)
		}
	}
	if err := statusError(status); err != nil || !swapped {
		return err
	}
	word := v.ItemSize
	if k := reflect.TypeFor[T]().Kind(); k == reflect.Complex64 || k == reflect.Complex128 {
		word /= 2
	}
	for part := range slices.Chunk(to, word) {
		slices.Reverse(part)
	}
	return nil
}

// areBools: any other byte would be a bool that is neither true nor false.
func areBools(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b)&^0x0101010101010101 != 0 {
			return false
		}
	}
	for _, x := range b {
		if x > 1 {
			return false
		}
	}
	return true
}

// Release gives the memory back: Data is nil afterwards, and slices of it must not be used any
// more. Any goroutine may call it; later calls do nothing. Python can resize the object from the
// next call on.
func (v *View[T]) Release() {
	if v == nil || !v.held.CompareAndSwap(true, false) {
		return
	}
	if v.writable {
		writers.remove(v.view)
	}
	v.Data = nil
	if !v.Copied {
		v.view.Close()
	}
}

// layout is what a format says of the items.
type layout struct {
	kind    byte // b, i, u, f, c as in numpy; 0: nothing that Go has
	swapped bool // the bytes are in the other order
}

func layoutOf(format string) layout {
	big := binary.NativeEndian.Uint16([]byte{0, 1}) == 1
	var l layout
	switch order := format[:min(1, len(format))]; order {
	case "<", ">", "!":
		l.swapped = big == (order == "<")
		format = format[1:]
	case "@", "=", "^":
		format = format[1:]
	}
	switch {
	case format == "Zf", format == "Zd", format == "F", format == "D":
		l.kind = 'c'
	case len(format) != 1:
	case format == "?":
		l.kind = 'b'
	case strings.Contains("bhilqn", format):
		l.kind = 'i'
	case strings.Contains("cBHILQN", format):
		l.kind = 'u'
	case strings.Contains("fd", format):
		l.kind = 'f'
	}
	return l
}
