package arrow_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

// people is a batch with text, numbers and nulls.
func people(t testing.TB) arrow.RecordBatch {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(
		`[{"name": "Ann", "age": 41}, {"name": "Bob", "age": null}, {"name": null, "age": 7}]`))
	require.NoError(t, err)
	return b
}

// library tells how one takes what Go passes, x, and what it makes of it that Go takes back.
var libraries = []struct {
	module       string
	batch        string // of a Batch; "" where the library has none
	table, sum   string // of a Stream
	batchAddress string
}{
	{"pyarrow", "pyarrow.record_batch(x)", "pyarrow.table(x)",
		"__import__('pyarrow.compute').compute.sum(y['age']).as_py()",
		"y.column(1).buffers()[1].address"},
	{"polars", "", "polars.DataFrame(x)", "y['age'].sum()", ""},
	{"pandas", "", "pandas.DataFrame.from_arrow(x)", "int(y['age'].sum())", ""},
	{"nanoarrow", "nanoarrow.c_array(x)", "nanoarrow.ArrayStream(x)", "", "y.child(1).buffers[1]"},
	{"duckdb", "", "duckdb.sql('SELECT * FROM x').to_arrow_table()",
		"y['age'].to_pylist()[0] + y['age'].to_pylist()[2]", ""},
}

func TestLibraries(t *testing.T) {
	for _, lib := range libraries {
		t.Run(lib.module, func(t *testing.T) {
			need(t, lib.module)
			in := people(t)
			defer in.Release()
			mustExec(t, "def table(x): return "+lib.table+"\n"+
				"def batch(x): return "+orNone(lib.batch)+"\n"+
				"def total(y): return "+orNone(lib.sum))
			for _, x := range []any{pyarrow.Batch{RecordBatch: in}, stream(t, in)} {
				var ref *pyhost.Ref
				require.NoError(t, rt.Call(bg, "table", &ref, x))
				defer ref.Close()
				if lib.sum != "" {
					sum, err := pyhost.Call[int](bg, rt, "total", ref)
					require.NoError(t, err)
					require.Equal(t, 48, sum)
				}
				out, err := pyarrow.StreamOf(bg, ref)
				require.NoError(t, err)
				requireSame(t, in, out)
				out.Release()
			}
			if lib.batch == "" {
				return
			}
			back, err := pyhost.Call[pyarrow.Batch](bg, rt, "batch", pyarrow.Batch{RecordBatch: in})
			require.NoError(t, err)
			require.Equal(t, in.Schema().Field(1).Name, back.ColumnName(1))
			require.Equal(t, addressOf(in.Column(1).Data().Buffers()[1].Bytes()),
				addressOf(back.Column(1).Data().Buffers()[1].Bytes()))
			back.Release()
		})
	}
	mustExec(t, "table = batch = total = None")
}

func orNone(expr string) string {
	if expr == "" {
		return "None"
	}
	return expr
}

func stream(t testing.TB, batches ...arrow.RecordBatch) pyarrow.Stream {
	r, err := array.NewRecordReader(batches[0].Schema(), batches)
	require.NoError(t, err)
	return pyarrow.Stream{RecordReader: r}
}

// requireSame: the values are the same; libraries choose the types of text.
func requireSame(t *testing.T, want arrow.RecordBatch, got array.RecordReader) {
	t.Helper()
	n := 0
	for got.Next() {
		b := got.RecordBatch()
		for i := range int(b.NumRows()) {
			for c := range int(want.NumCols()) {
				require.Equal(t, want.Column(c).ValueStr(n), b.Column(c).ValueStr(i))
			}
			n++
		}
	}
	require.NoError(t, got.Err())
	require.Equal(t, int(want.NumRows()), n)
}

// A reader of pyarrow's over a generator of Python's, on several goroutines at once; batches
// outlive it; its exceptions come through.
func TestPyarrowReader(t *testing.T) {
	need(t, "pyarrow")
	mustExec(t, `
import pyarrow as pa
schema = pa.schema([("n", pa.int64())])
def produce(n, fail=False):
    for i in range(n):
        yield pa.record_batch([pa.array(range(i, i + 100))], schema=schema)
    if fail:
        raise KeyError("no more")
def reader(*args): return pa.RecordBatchReader.from_batches(schema, produce(*args))`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := pyhost.Call[pyarrow.Stream](bg, rt, "reader", 20)
			require.NoError(t, err)
			n := int64(0)
			var last arrow.RecordBatch
			for s.Next() {
				n += s.RecordBatch().NumRows()
				if last != nil {
					last.Release()
				}
				last = s.RecordBatch()
				last.Retain()
			}
			require.NoError(t, s.Err())
			require.Equal(t, int64(2000), n)
			s.Release()
			require.Equal(t, int64(19+99), last.Column(0).(*array.Int64).Value(99))
			last.Release()
		})
	}
	wg.Wait()
	s, err := pyhost.Call[pyarrow.Stream](bg, rt, "reader", 1, true)
	require.NoError(t, err)
	defer s.Release()
	require.True(t, s.Next())
	require.False(t, s.Next())
	require.ErrorContains(t, s.Err(), "no more")
}

// pyarrow reads a stream of Go's: it lets the GIL go, and reads ahead on threads of its own.
func TestPyarrowReadsGo(t *testing.T) {
	need(t, "pyarrow.dataset")
	mustExec(t, "import pyarrow as pa, pyarrow.dataset as ds\n"+
		"def scan(x):\n  r = pa.RecordBatchReader.from_stream(x)\n"+
		"  return ds.Scanner.from_batches(r).to_table().num_rows\n"+
		"def whole(x): return pa.table(x).num_rows")
	for _, read := range []string{"scan", "whole"} {
		next := upTo(200)
		s := newSource(func() (arrow.RecordBatch, error) {
			if n, err := pyhost.Eval[int](bg, rt, "40 + 2"); n != 42 {
				return nil, err
			}
			return next()
		})
		n, err := pyhost.Call[int](bg, rt, read, pyarrow.Stream{RecordReader: s})
		require.NoError(t, err, read)
		require.Equal(t, 200, n)
		s.Release()
		s = newSource(func() (arrow.RecordBatch, error) { return nil, errors.New("disk full") })
		err = rt.Call(bg, read, nil, pyarrow.Stream{RecordReader: s})
		require.ErrorContains(t, err, "disk full", read)
		s.Release()
	}
}

// Memory of numpy's behind an array of pyarrow's goes by Python's reference count: released on any
// goroutine, it is given back attached.
func TestPyarrowOverNumpy(t *testing.T) {
	need(t, "pyarrow")
	need(t, "numpy")
	mustExec(t, "import sys, numpy as np, pyarrow as pa\nvalues = np.arange(1000, dtype='int64')\n"+
		"def wrap(): return pa.record_batch([pa.array(values)], names=['n'])")
	refs := eval[int](t, "sys.getrefcount(values)")
	var wg sync.WaitGroup
	for range 100 {
		b, err := pyhost.Call[pyarrow.Batch](bg, rt, "wrap")
		require.NoError(t, err)
		require.Equal(t, eval[uintptr](t, "values.ctypes.data"),
			addressOf(b.Column(0).Data().Buffers()[1].Bytes()))
		wg.Go(b.Release)
	}
	wg.Wait()
	forgotten(t)
	require.Equal(t, refs, eval[int](t, "sys.getrefcount(values)"))
}

// Every type of column crosses pyarrow and comes back equal.
func TestPyarrowTypes(t *testing.T) {
	need(t, "pyarrow")
	mustExec(t, "import pyarrow as pa\ndef through(x):\n  b = pa.record_batch(x)\n"+
		"  if b.num_rows: b.validate(full=True)\n  return b")
	for _, c := range columns {
		crossesBy(t, "through", batchOf(t, c.typ, c.values))
	}
}

const readAhead = `
import io, pyarrow as pa, pyarrow.csv, pyarrow.dataset
class File(io.BytesIO):
    def read(self, n=-1): return super().read(n)
text = b"n\n" + b"\n".join(b"%d" % i for i in range(100_000))
def csv():
    options = pyarrow.csv.ReadOptions(block_size=20_000)
    return pyarrow.csv.open_csv(pa.PythonFile(File(text), mode="r"), read_options=options)
def scan():
    batches = (pa.record_batch([pa.array([i])], names=["n"]) for i in range(500))
    schema = pa.schema([("n", pa.int64())])
    reader = pa.RecordBatchReader.from_batches(schema, batches)
    return pyarrow.dataset.Scanner.from_batches(reader).to_reader()`

// Readers of pyarrow's that read ahead on threads of their own, which want the GIL: a Next or a
// Release that held it would wait for ever.
func TestPyarrowReadsAhead(t *testing.T) {
	need(t, "pyarrow.csv")
	need(t, "pyarrow.dataset")
	mustExec(t, readAhead)
	for read, want := range map[string]int64{"csv": 100_000, "scan": 500} {
		s, err := pyhost.Call[pyarrow.Stream](bg, rt, read)
		require.NoError(t, err)
		n := int64(0)
		for s.Next() {
			n += s.RecordBatch().NumRows()
		}
		require.NoError(t, s.Err())
		require.Equal(t, want, n, read)
		s.Release()
		s, err = pyhost.Call[pyarrow.Stream](bg, rt, read) // and is left half-way
		require.NoError(t, err)
		require.True(t, s.Next())
		s.Release()
		forgotten(t)
	}
}
