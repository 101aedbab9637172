package pyhost_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// resident is the memory of the process in bytes.
func resident(t testing.TB) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

// collectAlways runs Go's collector all along, until stop is called.
func collectAlways() (stop func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				runtime.GC()
			}
		}
	})
	return func() { close(over); wg.Wait() }
}

// oneOfEach makes ten calls of all kinds, which succeed and fail.
func oneOfEach(t testing.TB, i int) {
	sum, err := pyhost.Call[int](bg, rt, "leak_add", i, 1)
	require.NoError(t, err)
	require.Equal(t, i+1, sum)
	s, err := pyhost.Call[string](bg, rt, "leak_echo", "grüße")
	require.NoError(t, err)
	require.Equal(t, "grüße", s)
	list, err := pyhost.Call[[]int](bg, rt, "leak_echo", []int{i, 2, 3})
	require.NoError(t, err)
	require.Equal(t, i, list[0])
	require.NoError(t, rt.Exec(bg, "leak_n = 1"))
	require.NoError(t, rt.Call(bg, "leak_echo", nil, pyhost.Kw{"x": map[string]any{"a": nil}}))
	require.NoError(t, rt.Eval(bg, "leak_object", nil))
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "leak_object", &ref))
	require.NoError(t, rt.Call(bg, "leak_echo", nil, ref))
	ref.Close()
	require.Error(t, rt.Eval(bg, "[leak_object, 'x']", new([]int)))
	if i%100 == 0 { // an exception costs as much as a hundred calls
		require.ErrorIs(t, rt.Call(bg, "leak_add", nil, "x", 1), pyhost.TypeError)
	}
}

// A million calls leave nothing behind: no reference, no thread state, no memory.
func TestNoLeak(t *testing.T) {
	calls := 1_000_000
	if testing.Short() || instrumented {
		calls = 50_000
	}
	mustExec(t, "import sys, gc\nleak_object = object()\n"+
		"def leak_add(a, b): return a + b\ndef leak_echo(x): return x")
	rounds := func(n int) {
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range n / 40 {
					oneOfEach(t, g+i)
				}
			})
		}
		wg.Wait()
		require.NoError(t, rt.Call(bg, "gc.collect", nil))
		runtime.GC()
	}
	count := func() (refs, blocks int) {
		require.NoError(t, rt.Exec(bg, "gc.collect()")) // takes what waits to be given back
		refs, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(leak_object)")
		require.NoError(t, err)
		blocks, err = pyhost.Eval[int](bg, rt, "sys.getallocatedblocks()")
		require.NoError(t, err)
		return refs, blocks
	}
	rounds(calls / 10) // warm up
	refs, blocks := count()
	before, states := resident(t), rt.Stats().ThreadStates
	rounds(calls)
	refsNow, blocksNow := count()
	require.Equal(t, refs, refsNow)
	require.Less(t, blocksNow-blocks, 2000)
	require.LessOrEqual(t, rt.Stats().ThreadStates, states+10)
	grown := resident(t) - before
	if !instrumented { // whose own memory grows
		require.Less(t, grown, int64(16<<20), "resident memory grew by %d bytes", grown)
	}
	t.Logf("%d calls: blocks %+d, resident %+d kB", calls, blocksNow-blocks, grown>>10)
}

// Names and sources that never come again do not pile up.
func TestBoundedCaches(t *testing.T) {
	mustExec(t, "import sys, gc\nclass Many:\n"+
		"  def __getattr__(self, name): return lambda: len(name)\nmany = Many()")
	churn := func(from, n int) {
		for i := from; i < from+n; i++ {
			got, err := pyhost.Eval[int](bg, rt, fmt.Sprintf("%d + 1", i))
			require.NoError(t, err)
			require.Equal(t, i+1, got)
			got, err = pyhost.Call[int](bg, rt, fmt.Sprintf("many.a%07d", i))
			require.NoError(t, err)
			require.Equal(t, 8, got)
		}
		require.NoError(t, rt.Call(bg, "gc.collect", nil))
	}
	churn(0, 6000)
	before, err := pyhost.Eval[int](bg, rt, "sys.getallocatedblocks()")
	require.NoError(t, err)
	churn(10000, 10000)
	after, err := pyhost.Eval[int](bg, rt, "sys.getallocatedblocks()")
	require.NoError(t, err)
	require.Less(t, after-before, 2000)
}

// Objects and Refs under a collector that never rests.
func TestObjectsUnderForcedCollection(t *testing.T) {
	defer collectAlways()()
	mustExec(t, "import sys\nkept = object()")
	refs, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(kept)")
	require.NoError(t, err)
	for range 2000 {
		require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
			m, err := th.Import("__main__")
			require.NoError(t, err)
			o, err := m.Attr("kept")
			require.NoError(t, err)
			_ = o.Keep() // let go of by the collector
			list, err := th.Value([]any{o, o})
			require.NoError(t, err)
			_, err = list.Call("append", o)
			return err
		}))
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		if freeThreaded() {
			forgotten(t)
		}
		now, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(kept)")
		return err == nil && now == refs
	}, waitLong, waitTick)
}
