package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// collect ranges to the end, and gives the items and the errors.
func collect[T any](seq iter.Seq2[T, error]) (items []T, errs []error) {
	for v, err := range seq {
		if err != nil {
			errs = append(errs, err)
		} else {
			items = append(items, v)
		}
	}
	return items, errs
}

func TestIter(t *testing.T) {
	mustExec(t, `
log = []
def count(n, error=None, where=None):
    log.clear()
    try:
        for i in range(n):
            log.append(i)
            yield where if i == 3 and where else i
        if error: raise error
    finally:
        log.append("closed")
`)
	for n := range 20 {
		for _, batch := range []int{0, 1, 3, 1000} {
			items, errs := collect(pyhost.Iter[int](bg, rt, fmt.Sprintf("count(%d)", n),
				pyhost.Iteration{Batch: batch}))
			require.Empty(t, errs)
			require.Len(t, items, n)
			items, errs = collect(pyhost.Iter[int](bg, rt,
				fmt.Sprintf("count(%d, KeyError('x'))", n), pyhost.Iteration{Batch: batch}))
			require.Len(t, items, n)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], pyhost.KeyError)
			items, errs = collect(pyhost.Iter[int](bg, rt,
				fmt.Sprintf("count(%d, where='x')", n), pyhost.Iteration{Batch: batch}))
			require.Len(t, items, min(n, 3))
			if n > 3 {
				require.Len(t, errs, 1)
				require.ErrorContains(t, errs[0], "str into int")
			}
		}
	}
	for i, err := range pyhost.Iter[int](bg, rt, "count(1000)", pyhost.Iteration{Batch: 1}) {
		require.NoError(t, err)
		if i == 2 {
			break
		}
	}
	log, err := pyhost.Eval[[]any](bg, rt, "log")
	require.NoError(t, err)
	require.Equal(t, []any{int64(0), int64(1), int64(2), "closed"}, log)

	lines, errs := collect(pyhost.Iter[string](bg, rt, "__import__('io').StringIO('a\\nb')"))
	require.Empty(t, errs)
	require.Equal(t, []string{"a\n", "b"}, lines)
	pairs, errs := collect(pyhost.Iter[[2]any](bg, rt, "{'a': 1}.items()"))
	require.Empty(t, errs)
	require.Equal(t, [][2]any{{"a", int64(1)}}, pairs)
	for _, expr := range []string{"1", "nothing", "1 +", "{}['k']", "(1/0 for _ in 'a')"} {
		items, errs := collect(pyhost.Iter[int](bg, rt, expr))
		require.Empty(t, items)
		require.Len(t, errs, 1, expr)
		var pe *pyhost.PythonError
		require.ErrorAs(t, errs[0], &pe)
	}
	_, errs = collect(pyhost.Iter[int](bg, rt, "[1]", pyhost.Iteration{Batch: -1}))
	require.Len(t, errs, 1)
	_, errs = collect(pyhost.IterOf[int](bg, nil))
	require.Len(t, errs, 1)
	for _, err := range pyhost.Iter[int](bg, rt, "[1, 2]") { // a loop in a loop
		require.NoError(t, err)
		inner, errs := collect(pyhost.Iter[int](bg, rt, "range(3)"))
		require.Empty(t, errs)
		require.Len(t, inner, 3)
	}
}

func TestIterEndsWithItsContext(t *testing.T) {
	mustExec(t, `
ended = []
def endless():
    try:
        while True: yield 1
    finally:
        ended.append(1)
def stuck():
    yield 1
    while True: pass
`)
	ctx, stop := context.WithCancelCause(bg)
	defer stop(nil)
	cause := errors.New("enough")
	n := 0
	var last error
	for _, err := range pyhost.Iter[int](ctx, rt, "endless()") {
		if n++; n == 1000 {
			stop(cause)
		}
		last = err
	}
	require.ErrorIs(t, last, cause)
	one, err := pyhost.Eval[[]int](bg, rt, "ended")
	require.NoError(t, err)
	require.Equal(t, []int{1}, one)
	late, end := context.WithCancel(bg)
	defer end()
	var errs []error
	for item, err := range pyhost.Iter[int](late, rt, "stuck()", pyhost.Iteration{Batch: 1}) {
		if err == nil {
			require.Equal(t, 1, item)
			time.AfterFunc(10*time.Millisecond, end) // while the next is waited for
		} else {
			errs = append(errs, err)
		}
	}
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], context.Canceled)
}

func BenchmarkIter(b *testing.B) {
	const n = 1_000_000
	sum := func(batch int) time.Duration {
		start := time.Now()
		for _, err := range pyhost.Iter[int](bg, rt, "iter(range(1000000))",
			pyhost.Iteration{Batch: batch}) {
			if err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	var batches, single []time.Duration
	for b.Loop() {
		batches = append(batches, sum(0))
		single = append(single, sum(1))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(batches))/n, "ns/item")
	b.ReportMetric(float64(median(single))/float64(median(batches)), "single/batches")
}

// A million items, both ways, and the iterators they came from, leave nothing behind.
func TestIteratorsDoNotLeak(t *testing.T) {
	rounds := 20_000
	if testing.Short() || instrumented {
		rounds = 1_000
	}
	mustExec(t, "def some(seq, n): return sum(1 for v, _ in zip(seq, range(n)))")
	round := func(n int) {
		for range n {
			items, errs := collect(pyhost.Iter[int](bg, rt, "(i for i in range(25))"))
			require.Empty(t, errs)
			require.Len(t, items, 25)
			got, err := pyhost.Call[int](bg, rt, "some", slices.Values(make([]bool, 25)), 25)
			require.NoError(t, err)
			require.Equal(t, 25, got)
			for _, err := range pyhost.Iter[int](bg, rt, "iter([1, 2])") {
				require.NoError(t, err)
				break
			}
		}
		runtime.GC()
		mustExec(t, "import gc; gc.collect()")
	}
	round(rounds / 10)
	blocks, live, goroutines := allocated(t), cgo.LiveValues(), runtime.NumGoroutine()
	round(rounds)
	if !immortals(rt) { // there generator expressions leave their function
		require.Less(t, allocated(t)-blocks, 2000)
	}
	require.LessOrEqual(t, cgo.LiveValues(), live)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+2)
}
