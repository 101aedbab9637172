package arrow

import (
	"fmt"
	"runtime"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// pin makes a batch of the same memory that can be handed to C: what of it is on Go's heap is
// pinned until the last reference to it is released. Rejected: to ask for memory that C has
// allocated, as arrow-go's exporter does, because most programs have theirs from Go's default
// allocator.
//
// The columns of an extension type become those of its storage: the exporter does not look for the
// children of an extension, and only the schema needs its name.
func pin(b arrow.RecordBatch) (_ arrow.RecordBatch, err error) {
	fields := make([]arrow.Field, b.NumCols())
	columns := make([]arrow.Array, 0, len(fields))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
		if r := recover(); r != nil {
			err = fmt.Errorf("pyhost/arrow: %v", r)
		}
	}()
	for i, f := range b.Schema().Fields() {
		data := pinData(b.Column(i).Data())
		columns = append(columns, array.MakeFromData(data))
		data.Release()
		f.Type = storage(f.Type)
		fields[i] = f
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, b.NumRows()), nil
}

func storage(t arrow.DataType) arrow.DataType {
	if ext, ok := t.(arrow.ExtensionType); ok {
		return storage(ext.StorageType())
	}
	return t
}

// pinData gives data that the caller has to release.
func pinData(d arrow.ArrayData) *array.Data {
	if d.Offset() != 0 && slicesChildren(d.DataType()) {
		d = atStart(d)
		defer d.Release()
	}
	buffers := make([]*memory.Buffer, len(d.Buffers()))
	for i, b := range d.Buffers() {
		buffers[i] = pinBuffer(b)
	}
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, c := range d.Children() {
		children[i] = pinData(c)
	}
	var dict *array.Data
	if from, ok := d.Dictionary().(*array.Data); ok && from != nil {
		dict = pinData(from)
	}
	out := array.NewData(storage(d.DataType()), d.Len(), buffers, children, d.NullN(), d.Offset())
	if dict != nil {
		out.SetDictionary(dict)
		dict.Release()
	}
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return out
}

// pinned is the allocator of a buffer that has been pinned: all that it does is to free that.
type pinned struct {
	pin runtime.Pinner
	of  *memory.Buffer
}

// pinBuffer gives a buffer over the same memory, which the caller has to release. Memory that is
// not Go's is left alone by Pin.
func pinBuffer(b *memory.Buffer) *memory.Buffer {
	if b == nil || b.Len() == 0 {
		return nil
	}
	p := &pinned{of: b}
	b.Retain()
	p.pin.Pin(&b.Bytes()[0])
	return memory.NewBufferWithAllocator(b.Bytes(), p)
}

// Free is called by the last Release, from any goroutine.
func (p *pinned) Free([]byte) {
	p.pin.Unpin()
	p.of.Release()
}

// Allocate is not called.
func (p *pinned) Allocate(int) []byte { panic("pyhost/arrow: Allocate of a pinned buffer") }

// Reallocate is not called: nobody resizes a buffer that has been exported.
func (p *pinned) Reallocate(int, []byte) []byte {
	panic("pyhost/arrow: Reallocate of a pinned buffer")
}

// slicesChildren: arrow-go cuts the children of such an array as the array itself is cut, and
// exports its offset all the same, so that a consumer would cut them twice.
func slicesChildren(t arrow.DataType) bool {
	id := storage(t).ID()
	return id == arrow.STRUCT || id == arrow.SPARSE_UNION
}

// atStart gives the same data without an offset. The bits that say what is null do not start at a
// byte: they alone are copied.
func atStart(d arrow.ArrayData) *array.Data {
	from, n := d.Offset(), d.Len()
	children := make([]arrow.ArrayData, len(d.Children()))
	for i, c := range d.Children() {
		children[i] = array.NewSliceData(c, int64(from), int64(from+n))
		defer children[i].Release()
	}
	buffers := make([]*memory.Buffer, len(d.Buffers()))
	if bits := d.Buffers()[0]; bits != nil {
		to := make([]byte, bitutil.BytesForBits(int64(n)))
		bitutil.CopyBitmap(bits.Bytes(), from, n, to, 0)
		buffers[0] = memory.NewBufferBytes(to)
	}
	if storage(d.DataType()).ID() == arrow.SPARSE_UNION {
		buffers[1] = memory.SliceBuffer(d.Buffers()[1], from, n) // a byte each
		defer buffers[1].Release()
	}
	return array.NewData(d.DataType(), n, buffers, children, d.NullN(), 0)
}
