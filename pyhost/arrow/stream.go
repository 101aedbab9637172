package arrow

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Stream is a stream of record batches on its way to Python or from there. One that is passed to
// Python is read by it from then on; the caller releases his reference whenever he likes. One that
// comes from Python is the receiver's to release.
type Stream struct{ array.RecordReader }

// Release gives the stream up; an empty Stream has nothing to give up.
func (s Stream) Release() {
	if s.RecordReader != nil {
		s.RecordReader.Release()
	}
}

// MarshalPython makes an object with __arrow_c_stream__, which can be taken once.
func (s Stream) MarshalPython() (any, error) {
	if s.RecordReader == nil {
		return nil, nil
	}
	schema := s.Schema()
	if schema == nil {
		return nil, errors.New("pyhost/arrow: a stream without a schema")
	}
	return (&offer{kind: "arrow_stream", schema: schema, reader: s.RecordReader}).made(), nil
}

// UnmarshalPython takes an object with __arrow_c_stream__ or, as a stream of one batch,
// __arrow_c_array__.
func (s *Stream) UnmarshalPython(v any) error {
	return unmarshal(v, &s.RecordReader, StreamOf)
}

// StreamOf is the stream of an object with __arrow_c_stream__ or, as a stream of one batch,
// __arrow_c_array__. It has to be released; its batches are valid until the next one, unless they
// are retained. ctx ends its Next, too. The Ref stays the caller's.
//
// Any goroutine may call it, and use the stream, one at a time.
func StreamOf(ctx context.Context, ref *pyhost.Ref) (array.RecordReader, error) {
	r := &reader{ctx: ctx, rt: ref.Runtime()}
	r.refs.Store(1)
	err := ask(ctx, ref, "__arrow_c_stream__", r.open)
	if err == nil {
		return r, nil
	}
	r.Release()
	if !errors.Is(err, pyhost.AttributeError) {
		return nil, err
	}
	batch, second := BatchOf(ctx, ref)
	if errors.Is(second, pyhost.AttributeError) {
		return nil, err
	}
	if second != nil {
		return nil, second
	}
	defer batch.Release()
	return oneBatch(batch.Schema(), batch)
}

func oneBatch(s *arrow.Schema, b arrow.RecordBatch) (array.RecordReader, error) {
	return array.NewRecordReader(s, []arrow.RecordBatch{b})
}

// StreamError is what a stream of Python's says when it fails.
type StreamError struct {
	Errno syscall.Errno // as the producer chose it: often EIO or EINVAL
	Text  string        // with pyarrow the exception's type and message
}

func (e *StreamError) Error() string {
	return fmt.Sprintf("pyhost/arrow: stream: %s (%s)", e.Text, e.Errno.Error())
}

// Unwrap gives Errno.
func (e *StreamError) Unwrap() error { return e.Errno }

// reader is a stream of Python's. owner keeps what stream points to.
type reader struct {
	ctx    context.Context
	rt     *pyhost.Runtime
	owner  *pyhost.Ref
	stream unsafe.Pointer
	schema *arrow.Schema
	cur    arrow.RecordBatch
	err    error
	over   bool
	refs   atomic.Int64
}

func (r *reader) open(th *pyhost.Thread, capsule *pyhost.Object) error {
	stream, p, err := cgo.TakeStream(capsule.Pointer())
	if err != nil {
		return badCapsule(cgo.ArrowStream, err)
	}
	r.stream, r.owner = stream, own(th, p).Keep()
	var s cdata.CArrowSchema
	defer cdata.ReleaseCArrowSchema(&s)
	if err := r.read(th, cgo.StreamSchema, unsafe.Pointer(&s)); err != nil {
		return err
	}
	r.schema, err = importSchema(&s)
	return err
}

// read calls the producer, detached: it may wait for threads that want to attach, and attaches
// itself if it runs Python code, by the thread state of this thread that the runtime keeps.
func (r *reader) read(th *pyhost.Thread, what func(stream, to unsafe.Pointer) int,
	to unsafe.Pointer) (err error) {
	detached := th.Detach(func() {
		if errno := what(r.stream, to); errno != 0 {
			err = &StreamError{syscall.Errno(errno), cgo.StreamError(r.stream)}
		}
	})
	return errors.Join(detached, err)
}

func (r *reader) Schema() *arrow.Schema          { return r.schema }
func (r *reader) RecordBatch() arrow.RecordBatch { return r.cur }
func (r *reader) Record() arrow.RecordBatch      { return r.cur }
func (r *reader) Err() error                     { return r.err }
func (r *reader) Retain()                        { r.refs.Add(1) }

// Release closes the stream, if it is the last: at the next attach.
func (r *reader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.drop()
	r.over = true
	if r.owner != nil {
		r.owner.Close()
	}
}

func (r *reader) drop() {
	if r.cur != nil {
		r.cur.Release()
		r.cur = nil
	}
}

// Next reads the next batch. After its end, or an error, there is none.
func (r *reader) Next() bool {
	r.drop()
	if r.over {
		return false
	}
	r.err = r.rt.Do(r.ctx, r.next)
	r.over = r.cur == nil
	// A producer that was cancelled says so in its own way, or takes it for the end.
	if ended := r.ctx.Err(); r.over && ended != nil && !errors.Is(r.err, ended) {
		r.err = errors.Join(context.Cause(r.ctx), ended, r.err)
	}
	return !r.over
}

func (r *reader) next(th *pyhost.Thread) error {
	var theirs, ours cdata.CArrowArray
	defer cdata.ReleaseCArrowArray(&theirs) // what has been moved is left alone
	defer cdata.ReleaseCArrowArray(&ours)
	err := r.read(th, cgo.StreamNext, unsafe.Pointer(&theirs))
	if err != nil || cgo.ArrowOver(unsafe.Pointer(&theirs)) {
		return err
	}
	if err := cgo.AdoptArrow(unsafe.Pointer(&theirs), unsafe.Pointer(&ours)); err != nil {
		return err
	}
	r.cur, err = importBatch(&ours, r.schema)
	return err
}
