package pyhost_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestDo(t *testing.T) {
	var root float64
	var kept *pyhost.Ref
	err := rt.Do(bg, func(th *pyhost.Thread) error {
		require.Same(t, rt, th.Runtime())
		math, err := th.Import("math")
		require.NoError(t, err)
		pi, err := math.Attr("pi")
		require.NoError(t, err)
		s, err := pi.Str()
		require.NoError(t, err)
		require.Equal(t, "3.141592653589793", s)
		r, err := math.Call("sqrt", 2)
		require.NoError(t, err)
		list, err := th.Value([]any{1, r, "x"})
		require.NoError(t, err)
		kept = list.Keep()
		dumps, err := th.Import("json")
		require.NoError(t, err)
		text, err := dumps.Call("dumps", list, pyhost.Kw{"indent": nil})
		require.NoError(t, err)
		var out string
		require.NoError(t, text.Decode(&out))
		require.Equal(t, `[1, 1.4142135623730951, "x"]`, out)
		_, err = math.Attr("nothing")
		require.ErrorIs(t, err, pyhost.AttributeError)
		_, err = th.Import("no.such.module")
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		_, err = th.Value(make(chan<- int))
		require.ErrorContains(t, err, "no Python form")
		require.ErrorContains(t, r.Decode(new(string)), "float into string")
		_, err = pi.Call("")
		require.ErrorIs(t, err, pyhost.TypeError)
		return r.Decode(&root)
	})
	require.NoError(t, err)
	require.InDelta(t, 1.41421356, root, 1e-6)
	var got []any
	require.NoError(t, kept.Decode(bg, &got))
	require.Len(t, got, 3)
	n, err := pyhost.Call[int](bg, rt, "len", kept)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	kept.Close()
	kept.Close()
	require.ErrorContains(t, kept.Decode(bg, &got), "closed")
	want := errors.New("from fn")
	require.Equal(t, want, rt.Do(bg, func(*pyhost.Thread) error { return want }))
}

func TestRefIsCallable(t *testing.T) {
	var f *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "lambda a, b=1: a + b", &f))
	defer f.Close()
	var sum int
	require.NoError(t, f.Call(bg, &sum, 2, pyhost.Kw{"b": 40}))
	require.Equal(t, 42, sum)
	require.ErrorIs(t, f.Call(bg, nil), pyhost.TypeError)
	var any any
	require.NoError(t, rt.Eval(bg, "[object()]", &any))
	ref := any.([]interface{})[0].(*pyhost.Ref)
	require.Contains(t, ref.String(), "object")
	ref.Close()
}

func TestThreadMisuse(t *testing.T) {
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	math, err := th.Import("math")
	require.NoError(t, err)
	elsewhere := func(fn func()) {
		var wg sync.WaitGroup
		wg.Go(fn)
		wg.Wait()
	}
	elsewhere(func() {
		_, err := th.Import("json")
		require.ErrorIs(t, err, pyhost.ErrWrongThread)
		_, err = math.Attr("pi")
		require.ErrorIs(t, err, pyhost.ErrWrongThread)
		require.ErrorIs(t, math.Decode(new(any)), pyhost.ErrWrongThread)
		require.ErrorIs(t, th.Detach(func() {}), pyhost.ErrWrongThread)
		require.Panics(t, th.Release)
		require.Panics(t, func() { math.Keep() })
	})
	require.NoError(t, th.Detach(func() {
		_, err := math.Attr("pi")
		require.ErrorIs(t, err, pyhost.ErrWrongThread)
		require.ErrorIs(t, th.Detach(func() {}), pyhost.ErrWrongThread)
		require.Panics(t, th.Release)
	}))
	_, err = math.Attr("pi")
	require.NoError(t, err)
	th.Release()
	th.Release()
	_, err = th.Import("math")
	require.ErrorIs(t, err, pyhost.ErrReleased)
	_, err = math.Attr("pi")
	require.ErrorIs(t, err, pyhost.ErrReleased)
	require.ErrorIs(t, th.Detach(func() {}), pyhost.ErrReleased)
	require.ErrorIs(t, rt.Call(bg, "len", nil, math), pyhost.ErrReleased)
	require.NoError(t, rt.Exec(bg, "pass"))
}

func TestDoDetachesWhateverFnDoes(t *testing.T) {
	require.Panics(t, func() { _ = rt.Do(bg, func(*pyhost.Thread) error { panic("fn") }) })
	var wg sync.WaitGroup
	wg.Go(func() { _ = rt.Do(bg, func(*pyhost.Thread) error { runtime.Goexit(); return nil }) })
	wg.Wait()
	require.PanicsWithValue(t, "detached", func() {
		_ = rt.Do(bg, func(th *pyhost.Thread) error {
			return th.Detach(func() { panic("detached") })
		})
	})
	require.NoError(t, rt.Exec(bg, "pass"))
	require.Zero(t, rt.Stats().Inside)
}

// A goroutine that stands inside never waits for itself: not at the gate, not for the GIL.
func TestReentry(t *testing.T) {
	ctx, stop := context.WithCancel(bg)
	defer stop()
	var busy sync.WaitGroup
	over := make(chan struct{})
	for range 8 { // keeps the gate contended
		busy.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					_ = rt.Exec(bg, "sum(range(1000))")
				}
			}
		})
	}
	for _, ctx := range []context.Context{bg, ctx} {
		for range 50 {
			require.NoError(t, rt.Do(ctx, func(th *pyhost.Thread) error {
				require.NoError(t, rt.Exec(ctx, "reentered = 1"))
				require.NoError(t, rt.Do(ctx, func(*pyhost.Thread) error {
					return rt.Exec(ctx, "reentered += 1")
				}))
				return th.Detach(func() {
					n, err := pyhost.Eval[int](ctx, rt, "reentered")
					require.NoError(t, err)
					require.Equal(t, 2, n)
				})
			}))
		}
	}
	close(over)
	busy.Wait()
}

// The OS thread of a goroutine that exits while it is locked dies with it.
func TestGoroutineThatExitsWhileAttached(t *testing.T) {
	require.NoError(t, rt.Exec(bg, "pass"))
	for range 100 {
		go func() {
			_, err := rt.Acquire(bg)
			if err != nil {
				panic(err)
			}
		}() // no Release
	}
	for rt.Stats().Calls == 0 || rt.Stats().Inside != 0 {
		require.NoError(t, rt.Exec(bg, "pass")) // gets in once the GIL is free again
		runtime.Gosched()
	}
	before := rt.Stats().ThreadStates
	require.Less(t, before, 60)
	for range 100 {
		var wg sync.WaitGroup
		wg.Go(func() {
			runtime.LockOSThread() // the thread dies
			_ = rt.Exec(bg, "pass")
		})
		wg.Wait()
	}
	require.NoError(t, rt.Exec(bg, "pass"))
	require.Less(t, rt.Stats().ThreadStates, before+20)
}

// Nobody goes on trying to cancel what such a goroutine has left.
func TestCancelOfGoroutineThatHasExited(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, stop := context.WithCancel(bg)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { _, _ = rt.Acquire(ctx) }) // no Release
	}
	wg.Wait()
	stop()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() < before+5 }, // its own too
		waitLong, waitTick)
	require.NoError(t, rt.Exec(bg, "pass"))
}

// C code that calls Python back asks for the GIL by PyGILState_Ensure, as ctypes does: it must find
// the state that this thread is attached by, and leave it so.
func TestCallbacksOfCFindTheirThread(t *testing.T) {
	mustExec(t, `
import ctypes
def c_sorted(values):
    numbers = (ctypes.c_int * len(values))(*values)
    pointer = ctypes.POINTER(ctypes.c_int)
    compare = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)(lambda a, b: a[0] - b[0])
    ctypes.CDLL(None).qsort(numbers, len(values), 4, compare)
    return {"Numbers": list(numbers), "Checked": ctypes.pythonapi.PyGILState_Check()}
`)
	ctx, stop := context.WithCancel(bg)
	defer stop()
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ctx := []context.Context{bg, ctx}[i%2]
			numbers := []int{i, 3, 2, -i, 1000}
			got, err := pyhost.Call[struct {
				Numbers []int
				Checked int
			}](ctx, rt, "c_sorted", numbers)
			slices.Sort(numbers)
			assert.Equal(t, 1, got.Checked, err)
			assert.Equal(t, numbers, got.Numbers)
			n, err := pyhost.Call[int](bg, rt, "max", i, 1)
			assert.Equal(t, max(i, 1), n, err)
		})
	}
	wg.Wait()
}
