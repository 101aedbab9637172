package arrow

import (
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/pyhost/pyhost/pyhost"
)

// outgoing is a stream of Go's that Python reads: what a consumer must be spared, panics and
// batches of another schema, is an error here. One thread at a time uses it, by the rules of the C
// interface.
type outgoing struct {
	rt     *pyhost.Runtime
	schema *arrow.Schema
	reader array.RecordReader
	cur    arrow.RecordBatch // pinned, or nil
	err    error
}

func (o *outgoing) Schema() *arrow.Schema          { return o.schema }
func (o *outgoing) RecordBatch() arrow.RecordBatch { return o.cur }
func (o *outgoing) Record() arrow.RecordBatch      { return o.cur }
func (o *outgoing) Err() error                     { return o.err }
func (o *outgoing) Retain()                        { o.reader.Retain() }

// Release is called once, by the consumer or the end of the capsule.
func (o *outgoing) Release() {
	o.drop()
	release := func() error { o.reader.Release(); return nil }
	err := o.rt.Callback("a RecordReader's Release", release)
	if errors.Is(err, pyhost.ErrClosed) {
		err = release()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "pyhost/arrow: Release of a stream: %v\n", err)
	}
}

func (o *outgoing) drop() {
	if o.cur != nil {
		o.cur.Release()
		o.cur = nil
	}
}

// Next tells whether there is another batch; Err, if there is none, why.
func (o *outgoing) Next() bool {
	o.drop()
	if o.err == nil {
		o.err = o.rt.Callback("a RecordReader's Next", o.next)
	}
	return o.cur != nil
}

func (o *outgoing) next() error {
	if !o.reader.Next() {
		return o.reader.Err()
	}
	b := o.reader.RecordBatch()
	if !sameTypes(b.Schema(), o.schema) {
		return fmt.Errorf("a batch of %v in a stream of %v", b.Schema(), o.schema)
	}
	var err error
	o.cur, err = pin(b)
	return err
}

// sameTypes: names and metadata may differ, what lies in memory may not.
func sameTypes(a, b *arrow.Schema) bool {
	if a.NumFields() != b.NumFields() {
		return false
	}
	for i := range a.NumFields() {
		if !arrow.TypeEqual(a.Field(i).Type, b.Field(i).Type) {
			return false
		}
	}
	return true
}
