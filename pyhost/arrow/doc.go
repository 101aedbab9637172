// Package arrow passes Arrow data between Go and Python without copying it: record batches,
// streams of them and schemas, of github.com/apache/arrow-go, to and from pyarrow, polars,
// pandas, DuckDB and everything else that speaks Arrow's PyCapsule interface. A table of any
// size crosses in the same few microseconds a column, because only addresses do.
//
// Both packages are called arrow; the examples import this one as pyarrow.
//
// # Values
//
// [Batch], [Stream] and [Schema] are values like any other: arguments and results of calls, in
// both directions, and parameters and results of Go functions. None is nil.
//
//	var out pyarrow.Batch
//	if err := rt.Call(ctx, "model.predict", &out, pyarrow.Batch{RecordBatch: in}); err != nil {
//		return err
//	}
//	defer out.Release()
//
// To Python they are objects that have the methods of the protocol, and nothing else:
//
//	Go      methods                                                   may be taken
//	Batch   __arrow_c_array__, __arrow_c_stream__, __arrow_c_schema__ any number of times
//	Stream  __arrow_c_stream__, __arrow_c_schema__                    once
//	Schema  __arrow_c_schema__                                        any number of times
//
// They are taken by pyarrow.record_batch(x), pyarrow.table(x), polars.DataFrame(x),
// pyarrow.RecordBatchReader.from_stream(x), pandas.DataFrame.from_arrow(x), nanoarrow, and FROM
// x in a query of DuckDB. The schema that a consumer asks for is not looked at, as the protocol
// allows: the consumer gets what is there.
//
// From Python a Batch takes an object with __arrow_c_array__, such as a RecordBatch; a Stream
// one with __arrow_c_stream__, such as a table or a data frame, or with __arrow_c_array__; a
// Schema one with __arrow_c_schema__. [BatchOf], [StreamOf] and [SchemaOf] do the same with a
// context.
//
// # Memory
//
// Go's memory stays where it is until Python has released it, whatever allocator it came from:
// what is on Go's heap is pinned, other memory is held by a reference. So a batch may be built
// by any memory.Allocator, and its owner may release it as soon as the call that passes it has
// returned. It must not be written to while Python may read it. One thing is copied: the bits
// that say what is null, of a struct column in a slice of a batch.
//
// Python's memory is Go's to read, and only to read, until Release. Any goroutine may call that,
// at any time. What is never released is never freed, for the batches of arrow-go have no
// finalizers. (A Stream that is let go is closed.) Release does not wait for Python: the memory
// is given back at the next attach of its runtime, as that of a [pyhost.Ref] is.
//
// Release what came from a runtime before its Close, which else leaves the interpreter
// unfinished and says so by a *[pyhost.LeakError]; the memory stays readable then. What Python
// holds of Go's memory does not keep a runtime from closing.
//
// # Streams
//
// Python reads a stream of Go's on the thread that wants the next batch, one of a library's own
// perhaps, detached: the reader may wait, and may call Python. Its error reaches Python as what
// the consumer makes of it, an OSError in pyarrow, with the text; so does a panic, and a batch
// whose types are not those of the stream.
//
// Go reads a stream of Python's inside [pyhost.Runtime.Do], detached: each Next has a place in
// the runtime, as a call does. What fails in Python is a *[StreamError] with its text, for the C
// interface has no more than that.
//
// # What is checked
//
// Capsules: their names, and that nobody has taken them. Arrays: that they have the buffers and
// children of their schema. How long a buffer is, and what offsets in it point to, the producer
// alone knows. A column of an extension type crosses as its storage, with the names of the
// extension in the field's metadata.
package arrow
