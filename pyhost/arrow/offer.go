package arrow

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// offer is what an object of Python's stands for: one of the classes of callbacks.py.
type offer struct {
	kind   string // of class
	schema *arrow.Schema
	batch  arrow.RecordBatch // or nil
	held   *reference
	mu     sync.Mutex
	reader array.RecordReader // of a stream that nobody has taken yet, or nil; guarded by mu
}

// reference is the one that an offer has; given up by Python's object, or, if that was never made,
// by the collector.
type reference struct {
	once sync.Once
	to   interface{ Release() }
}

func (r *reference) drop() { r.once.Do(r.to.Release) }

// made is what crosses.
func (o *offer) made() cgo.Made {
	drop := func() {}
	var to interface {
		Retain()
		Release()
	}
	switch {
	case o.batch != nil:
		to = o.batch
	case o.reader != nil:
		to = o.reader
	}
	if to != nil {
		to.Retain()
		o.held = &reference{to: to}
		runtime.AddCleanup(o, (*reference).drop, o.held)
		drop = o.held.drop
	}
	return cgo.Made{By: o.kind, Args: []any{o.export, drop}}
}

// export makes the capsules of one method.
func (o *offer) export(th *pyhost.Thread, what string) (any, error) {
	defer runtime.KeepAlive(o)
	schema := cgo.NewArrow(cgo.ArrowSchema)
	if schema == nil {
		return nil, pyhost.ErrNoMemory
	}
	if err := exportSchema(o.schema, (*cdata.CArrowSchema)(schema)); err != nil {
		cgo.FreeArrow(cgo.ArrowSchema, schema)
		return nil, err
	}
	if what == "stream" { // the schema is known to have a C form
		cgo.FreeArrow(cgo.ArrowSchema, schema)
		return o.exportStream(th)
	}
	s, err := capsule(th, cgo.ArrowSchema, schema)
	if err != nil || what == "schema" {
		return s, err
	}
	p := cgo.NewArrow(cgo.ArrowArray)
	if p == nil {
		return nil, pyhost.ErrNoMemory
	}
	pinned, err := pin(o.batch)
	if err != nil {
		cgo.FreeArrow(cgo.ArrowArray, p)
		return nil, err
	}
	defer pinned.Release()
	cdata.ExportArrowRecordBatch(pinned, (*cdata.CArrowArray)(p), nil)
	a, err := capsule(th, cgo.ArrowArray, p)
	if err != nil {
		return nil, err
	}
	return pyhost.Tuple{s, a}, nil
}

func (o *offer) exportStream(th *pyhost.Thread) (any, error) {
	reader, err := o.take()
	if err != nil {
		return nil, err
	}
	defer reader.Release() // the exporter retains it
	p := cgo.NewArrow(cgo.ArrowStream)
	if p == nil {
		return nil, pyhost.ErrNoMemory
	}
	out := &outgoing{rt: th.Runtime(), schema: o.schema, reader: reader}
	cdata.ExportRecordReader(out, (*cdata.CArrowArrayStream)(p))
	return capsule(th, cgo.ArrowStream, p)
}

// take gives the reader, to be released: that of a stream once, a new one of a batch each time.
func (o *offer) take() (array.RecordReader, error) {
	if o.batch != nil {
		return oneBatch(o.schema, o.batch)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.reader
	o.reader = nil
	if r == nil {
		return nil, fmt.Errorf("%w: the stream has been taken already", pyhost.ValueError)
	}
	r.Retain()
	return r, nil
}

// capsule makes a capsule of the struct, which it takes.
func capsule(th *pyhost.Thread, kind cgo.ArrowKind, p unsafe.Pointer) (*pyhost.Object, error) {
	ptr := cgo.ArrowCapsule(kind, p)
	if ptr == 0 {
		return nil, pyhost.ErrNoMemory
	}
	return own(th, ptr), nil
}

// own makes an Object of a reference.
func own(th *pyhost.Thread, p cgo.Ptr) *pyhost.Object {
	defer cgo.DropRef(p)
	return th.FromPointer(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
}

// exportSchema: arrow-go panics if a type has no C form.
func exportSchema(s *arrow.Schema, to *cdata.CArrowSchema) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v has no C form: %v", pyhost.TypeError, s, r)
		}
	}()
	cdata.ExportArrowSchema(s, to)
	return nil
}
