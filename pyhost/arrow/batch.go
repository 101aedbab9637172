package arrow

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Batch is a record batch on its way to Python or from there. Passed to Python it stays the
// caller's, who releases it whenever he likes. One that comes from Python is the receiver's to
// release.
type Batch struct{ arrow.RecordBatch }

// Release gives the batch up; an empty Batch has nothing to give up.
func (b Batch) Release() {
	if b.RecordBatch != nil {
		b.RecordBatch.Release()
	}
}

// MarshalPython makes an object with __arrow_c_array__, and __arrow_c_stream__ for what takes that
// alone.
func (b Batch) MarshalPython() (any, error) {
	if b.RecordBatch == nil {
		return nil, nil
	}
	return (&offer{kind: "arrow_batch", schema: b.Schema(), batch: b.RecordBatch}).made(), nil
}

// UnmarshalPython takes an object with __arrow_c_array__.
func (b *Batch) UnmarshalPython(v any) error {
	return unmarshal(v, &b.RecordBatch, BatchOf)
}

// BatchOf is the record batch of an object with __arrow_c_array__. It has to be released. The Ref
// stays the caller's. Any goroutine may call it.
func BatchOf(ctx context.Context, ref *pyhost.Ref) (batch arrow.RecordBatch, err error) {
	err = ask(ctx, ref, "__arrow_c_array__", func(_ *pyhost.Thread, pair *pyhost.Object) error {
		batch, err = takeBatch(pair)
		return err
	})
	return batch, err
}

// takeBatch reads the tuple of a schema and an array.
func takeBatch(pair *pyhost.Object) (arrow.RecordBatch, error) {
	var s cdata.CArrowSchema
	var a cdata.CArrowArray
	defer cdata.ReleaseCArrowSchema(&s)
	defer cdata.ReleaseCArrowArray(&a) // unless it has been moved
	if err := takeItem(pair, 0, cgo.ArrowSchema, unsafe.Pointer(&s)); err != nil {
		return nil, err
	}
	if err := takeItem(pair, 1, cgo.ArrowArray, unsafe.Pointer(&a)); err != nil {
		return nil, err
	}
	schema, err := importSchema(&s)
	if err != nil {
		return nil, err
	}
	return importBatch(&a, schema)
}

func takeItem(tuple *pyhost.Object, i int, kind cgo.ArrowKind, to unsafe.Pointer) error {
	capsule, err := tuple.Call("__getitem__", i)
	if err != nil {
		return err
	}
	return badCapsule(kind, cgo.TakeArrow(kind, capsule.Pointer(), to))
}

func badCapsule(kind cgo.ArrowKind, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", ErrBadCapsule, kind, err)
}

// importBatch moves the array into a batch. What does not fit its schema is an error: arrow-go
// looks at the number of buffers and children, and cannot know how long a buffer is.
func importBatch(a *cdata.CArrowArray, s *arrow.Schema) (b arrow.RecordBatch, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", arrow.ErrInvalid, r)
		}
	}()
	b, err = cdata.ImportCRecordBatchWithSchema(a, s)
	if err != nil {
		err = fmt.Errorf("%w: the array is not of its schema: %w", arrow.ErrInvalid, err)
	}
	return b, err
}

// ErrBadCapsule tells that a method of the protocol did not give the capsule that is asked for, or
// one that has been taken.
var ErrBadCapsule = errors.New("pyhost/arrow: bad capsule")

// unmarshal reads an object into a value of Go's; None is nil.
func unmarshal[T any](v any, to *T, read func(context.Context, *pyhost.Ref) (T, error)) error {
	var err error
	switch ref := v.(type) {
	case nil:
		*to = *new(T)
	case *pyhost.Ref:
		defer ref.Close()
		*to, err = read(context.Background(), ref)
	default:
		err = fmt.Errorf("%w: a %T has no Arrow form", pyhost.TypeError, v)
	}
	return err
}

// ask calls a method of the protocol, attached.
func ask(ctx context.Context, ref *pyhost.Ref, method string,
	then func(*pyhost.Thread, *pyhost.Object) error) error {
	rt := ref.Runtime()
	if rt == nil {
		return errors.New("pyhost/arrow: a Ref that refers to nothing")
	}
	return rt.Do(ctx, func(th *pyhost.Thread) error {
		o, err := th.Value(ref)
		if err != nil {
			return err
		}
		fn, err := o.Attr(method)
		if errors.Is(err, pyhost.AttributeError) {
			return fmt.Errorf("%w: it has no %s: %w", pyhost.TypeError, method, err)
		}
		if err != nil {
			return err
		}
		got, err := fn.Call("")
		if err != nil {
			return err
		}
		return then(th, got)
	})
}
