package arrow_test

import (
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

// Objects that do not keep to the protocol are errors that say what is wrong.
func TestMisuse(t *testing.T) {
	mustExec(t, "pair = Batch([1]).__arrow_c_array__()\n"+
		"used = Batch([1]).__arrow_c_array__()\nTaken(Given(array=used)).close()\n"+
		"def arr(b): return b.__arrow_c_array__()[1]\n"+
		"def schema(b): return b.__arrow_c_schema__()\n"+
		"wrong = Batch([1]); wrong.formats = {0: b'u'}\n"+
		"nonsense = Batch([1]); nonsense.formats = {0: b'?!'}\n"+
		"class Raises:\n  def __arrow_c_array__(self, requested_schema=None): raise KeyError('k')")
	for expr, want := range map[string]error{
		"object()":                  pyhost.TypeError,
		"17":                        pyhost.TypeError,
		"[1]":                       pyhost.TypeError,
		"Given(array=pair[::-1])":   pyarrow.ErrBadCapsule,
		"Given(array=(1, 2))":       pyarrow.ErrBadCapsule,
		"Given(array=(None, None))": pyarrow.ErrBadCapsule,
		"Given(array=(pair[0],))":   pyhost.IndexError,
		"Given(array=None or 5)":    pyhost.AttributeError,
		"Given(array=used)":         pyarrow.ErrBadCapsule,
		"Given(array=(schema(Batch([1])), used[1]))":              pyarrow.ErrBadCapsule,
		"Given(array=(schema(Batch([1], [2])), arr(Batch([1]))))": arrow.ErrInvalid,
		"wrong":    arrow.ErrInvalid,
		"nonsense": nil,
		"Raises()": pyhost.KeyError,
	} {
		_, err := pyhost.Eval[pyarrow.Batch](bg, rt, expr)
		require.Error(t, err, expr)
		if want != nil {
			require.ErrorIs(t, err, want, expr)
		}
	}
	mustExec(t, "del pair, used, wrong, nonsense, Raises")
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// A capsule belongs to whoever takes it first.
func TestCapsuleTakenTwice(t *testing.T) {
	mustExec(t, "once = Given(array=Batch([1, 2]).__arrow_c_array__())")
	b, err := pyhost.Eval[pyarrow.Batch](bg, rt, "once")
	require.NoError(t, err)
	_, err = pyhost.Eval[pyarrow.Batch](bg, rt, "once")
	require.ErrorIs(t, err, pyarrow.ErrBadCapsule)
	require.ErrorContains(t, err, "taken it already")
	require.Equal(t, [][]int64{{1, 2}}, rows(b))
	mustExec(t, "del once")
	forgotten(t)
	require.Equal(t, [][]int64{{1, 2}}, rows(b))
	b.Release()
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// Many goroutines take, pass on and release at once.
func TestConcurrent(t *testing.T) {
	mustExec(t, "shared = Batch(range(1000))")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b, err := pyhost.Eval[pyarrow.Batch](bg, rt, "shared")
				require.NoError(t, err)
				back, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", b)
				require.NoError(t, err)
				wg.Go(b.Release)
				require.Equal(t, int64(999), rows(back)[0][999])
				wg.Go(back.Release)
				s := newSource(upTo(3))
				got, err := pyhost.Call[[][][]int](bg, rt, "read", pyarrow.Stream{RecordReader: s})
				require.NoError(t, err, "%d %d", g, i)
				require.Len(t, got, 3)
				s.Release()
			}
		})
	}
	wg.Wait()
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// 100,000 batches each way leave nothing behind.
func TestNoLeak(t *testing.T) {
	rounds := 100_000
	if testing.Short() || instrumented {
		rounds = 5_000
	}
	mem := newCMemory()
	run := func(n int) {
		for range n {
			b := numbers(mem, []int64{1, 2, 3})
			back, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", pyarrow.Batch{RecordBatch: b})
			require.NoError(t, err)
			b.Release()
			require.Equal(t, int64(3), back.NumRows())
			back.Release()
		}
		forgotten(t)
		released := eval[int](t, "(released.clear(), len(alive))[1]")
		require.Zero(t, released)
	}
	run(rounds / 10)
	blocks, before := eval[int](t, "__import__('sys').getallocatedblocks()"), resident(t)
	values := liveValues()
	run(rounds)
	require.Less(t, eval[int](t, "__import__('sys').getallocatedblocks()")-blocks, 1000)
	require.Zero(t, mem.AllocatedBytes())
	require.LessOrEqual(t, liveValues(), values)
	grown := resident(t) - before
	if !instrumented {
		require.Less(t, grown, int64(16<<20), "resident memory grew by %d bytes", grown)
	}
	t.Logf("%d round trips: resident %+d kB", rounds, grown>>10)
}

// Batches of Python's own, and streams both ways.
func TestNoLeakOfStreams(t *testing.T) {
	rounds := 5_000
	if testing.Short() || instrumented {
		rounds = 300
	}
	run := func(n int) {
		for range n {
			s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream(Batch([i]) for i in range(2))")
			require.NoError(t, err)
			got, err := pyhost.Call[[][][]int](bg, rt, "read", s)
			require.NoError(t, err)
			require.Len(t, got, 2)
			s.Release()
		}
		forgotten(t)
		require.Zero(t, eval[int](t, "(released.clear(), len(alive))[1]"))
	}
	run(500)
	blocks, before := eval[int](t, "__import__('sys').getallocatedblocks()"), resident(t)
	run(rounds)
	if info := rt.Info(); !info.Python.FreeThreaded || info.Python.Version >= "3.14" {
		// The free-threaded 3.13 keeps the function of a generator expression for ever.
		require.Less(t, eval[int](t, "__import__('sys').getallocatedblocks()")-blocks, 1000)
	}
	if grown := resident(t) - before; !instrumented {
		require.Less(t, grown, int64(16<<20), "resident memory grew by %d bytes", grown)
	}
}

func TestReleaseOfNothing(*testing.T) {
	pyarrow.Batch{}.Release()
	pyarrow.Stream{}.Release()
}
