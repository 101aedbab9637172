package arrow_test

import (
	"runtime"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

// forgotten runs Python's collector and gives back what waits for the next attach.
func forgotten(t testing.TB) {
	t.Helper()
	for range 3 { // on a free-threaded build what one frees may queue more for other threads
		require.NoError(t, rt.Exec(bg, "import gc\ngc.collect()"))
	}
	require.NoError(t, rt.Exec(bg, "pass"))
}

// Go's memory is Python's, at the same address, until Python releases it.
func TestBatchToPython(t *testing.T) {
	for name, mem := range map[string]memory.Allocator{
		"Go's heap":  memory.NewGoAllocator(),
		"C's memory": newCMemory(),
	} {
		t.Run(name, func(t *testing.T) {
			b := numbers(mem, []int64{1, 2, 3}, []int64{4, 5, 6})
			at := addresses(b)
			mustExec(t, "def hold(b): global taken; taken = Taken(b)")
			require.NoError(t, rt.Call(bg, "hold", nil, pyarrow.Batch{RecordBatch: b}))
			b.Release()
			for range 3 { // Go's own reference has gone: the pin alone keeps the memory
				runtime.GC()
			}
			require.Equal(t, at, eval[[]uintptr](t, "taken.addresses()"))
			require.Equal(t, [][]int64{{1, 2, 3}, {4, 5, 6}}, eval[[][]int64](t, "taken.columns()"))
			fields := eval[[][]string](t, "taken.fields()")
			require.Equal(t, [][]string{{"a", "l"}, {"b", "l"}}, fields)
			mustExec(t, "taken.close()\ndel taken")
			if c, ok := mem.(*cMemory); ok {
				forgotten(t)
				require.Zero(t, c.AllocatedBytes())
			}
		})
	}
}

// Python's memory is Go's, at the same address, until Go releases it, from another goroutine.
func TestBatchFromPython(t *testing.T) {
	mustExec(t, "released.clear()\nsource = Batch([1, 2, 3], [4, 5, 6])")
	b, err := pyhost.Eval[pyarrow.Batch](bg, rt, "source")
	require.NoError(t, err)
	require.Equal(t, eval[[]uintptr](t, "source.addresses()"), addresses(b))
	mustExec(t, "del source\nimport gc; gc.collect()")
	require.Equal(t, [][]int64{{1, 2, 3}, {4, 5, 6}}, rows(b))
	require.Equal(t, "a", b.ColumnName(0))
	require.Equal(t, []string{"schema"}, eval[[]string](t, "[k for k, _ in released]"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Release()
	}()
	<-done
	require.Equal(t, []string{"schema", "array"}, eval[[]string](t, "[k for k, _ in released]"))
	require.Zero(t, eval[int](t, "len(alive)"))
	b.Release() // once more does nothing
	b.Release()
	require.Equal(t, 2, eval[int](t, "len(released)"))
}

// A batch that comes back to where it was is the same memory still.
func TestBatchRoundTrip(t *testing.T) {
	b := numbers(memory.DefaultAllocator, []int64{7, 8})
	defer b.Release()
	back, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", pyarrow.Batch{RecordBatch: b})
	require.NoError(t, err)
	defer back.Release()
	require.Equal(t, addresses(b), addresses(back))
	again, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", back)
	require.NoError(t, err)
	defer again.Release()
	require.Equal(t, addresses(b), addresses(again))
	require.Equal(t, rows(b), rows(again))
}

// Functions of Go take and return batches; the parameter is theirs to release.
func TestBatchInFunction(t *testing.T) {
	seen := 0
	require.NoError(t, rt.Call(bg, "put", nil, "double",
		func(b pyarrow.Batch) pyarrow.Batch {
			defer b.Release()
			seen++
			out := make([]int64, b.NumRows())
			for i, v := range rows(b)[0] {
				out[i] = 2 * v
			}
			return pyarrow.Batch{RecordBatch: numbers(memory.DefaultAllocator, out)}
		}))
	got := eval[[][][]int64](t, "read(double(Batch([1, 2, 3])))")
	require.Equal(t, [][][]int64{{{2, 4, 6}}}, got)
	require.Equal(t, 1, seen)
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// A batch whose neighbour does not fit is released.
func TestBatchBesideMisfit(t *testing.T) {
	require.NoError(t, rt.Call(bg, "put", nil, "misfit", func(pyarrow.Batch, int) {}))
	require.ErrorIs(t, rt.Exec(bg, "misfit(Batch([1]), 'x')"), pyhost.TypeError)
	var pair struct {
		B pyarrow.Batch
		N int
	}
	require.Error(t, rt.Eval(bg, "(Batch([1]), 'x')", &pair))
	var list []pyarrow.Batch
	require.Error(t, rt.Eval(bg, "[Batch([1]), None, Batch([2]), 7]", &list))
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// What the memory of Go is given back by: nobody takes the capsules; they are taken.
func TestBatchReleased(t *testing.T) {
	mem := newCMemory()
	for _, code := range []string{
		"def use(b): b.__arrow_c_array__()",
		"def use(b): b.__arrow_c_schema__()",
		"def use(b): b.__arrow_c_stream__()",
		"def use(b): Taken(b).close()",
		"def use(b): Taken(b).close(); Taken(b).close()",
		"def use(b): read(b)",
		"def use(b): pass",
	} {
		b := numbers(mem, []int64{1, 2, 3})
		mustExec(t, code)
		require.NoError(t, rt.Call(bg, "use", nil, pyarrow.Batch{RecordBatch: b}), code)
		b.Release()
		forgotten(t)
		require.Zero(t, mem.AllocatedBytes(), code)
	}
}

func TestSchema(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int32},
		{Name: "list", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
		{Name: "when", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	}, nil)
	back, err := pyhost.Call[pyarrow.Schema](bg, rt, "same", pyarrow.Schema{Schema: s})
	require.NoError(t, err)
	require.True(t, s.Equal(back.Schema), "%v", back.Schema)
	back, err = pyhost.Eval[pyarrow.Schema](bg, rt, "Batch([1], [2])")
	require.NoError(t, err)
	require.Equal(t, 2, back.NumFields())
	back, err = pyhost.Eval[pyarrow.Schema](bg, rt, "None")
	require.NoError(t, err)
	require.Nil(t, back.Schema)
}
