// Package arrow passes Arrow data between Go and Python without copying it: record batches and
// streams of them, of github.com/apache/arrow-go, to and from pyarrow, polars, pandas, DuckDB and
// everything else that speaks Arrow's PyCapsule interface. A table of gigabytes crosses in
// microseconds, because only addresses do.
//
// Both packages are called arrow; the examples import this one as pyarrow.
//
// # Values
//
// [Batch], [Stream] and [Schema] are values like any other: arguments and results of calls, in both
// directions, and parameters of Go functions.
//
//	var out pyarrow.Batch
//	err := rt.Call(ctx, "model.predict", &out, pyarrow.Batch{RecordBatch: in})
//	defer out.Release()
//
// To Python they are objects with the methods of the protocol, __arrow_c_schema__, __arrow_c_array__
// and __arrow_c_stream__, and nothing else: pyarrow.record_batch(x), pyarrow.table(x),
// pyarrow.RecordBatchReader.from_stream(x), polars.DataFrame(x), pandas.DataFrame.from_arrow(x) and
// a FROM x of DuckDB take them. From Python a Batch takes any object with __arrow_c_array__, a
// Stream one with __arrow_c_stream__ too, which tables and data frames have, a Schema one with
// __arrow_c_schema__. A schema that a consumer asks for is not looked at, as the protocol allows:
// it gets what is there.
//
// # Memory
//
// Go's memory stays where it is until Python has released it, whatever allocator it came from: that
// of Go's heap is pinned, other memory is held by a reference. So a batch may be built by any
// memory.Allocator, and released by its owner as soon as the call that passes it returns. It must
// not be written to while Python may read it.
//
// Python's memory is Go's to read, and only to read, until Release, which any goroutine may call,
// after any other work; what a caller forgets to release is never freed, for the batches of arrow-go
// have no finalizers. (A stream that is let go is.) Release does not wait for Python: the memory is
// given back at the next attach of its runtime, as a [pyhost.Ref] is.
//
// Release what came from a runtime before Close: otherwise the interpreter is left unfinished, with
// a *[pyhost.LeakError], and the memory stays readable. What Python holds of Go's memory does not
// keep a runtime from closing.
//
// # Streams
//
// A stream of Go's is read by Python on the thread that asks, detached, so that its reader may
// wait and may call Python. An error of the reader reaches Python as what the consumer makes of
// it, an OSError in pyarrow, with its text; so do a panic, and a batch whose schema is not that of
// the stream. A stream of Python's is read inside [pyhost.Runtime.Do], detached: each Next takes a
// place in the runtime as a call does, and an exception that Python raises is a *[StreamError] with
// its text, for the C interface has no more.
package arrow
