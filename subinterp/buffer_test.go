package subinterp_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// holders are places where a sub-interpreter may keep a view until its end.
const holders = `
import atexit, builtins, contextvars, functools, hashlib, sys, threading, types
kept, var, local = {}, contextvars.ContextVar("var"), threading.local()

def in_main(v): kept["v"] = v
def in_builtins(v): builtins.kept = v
def in_sys(v): sys.kept = v
def in_module(v): hashlib.kept = v
def in_class(v): threading.Thread.kept = v
def in_local(v): local.kept = v
def in_context(v): var.set(v)
def in_atexit(v): atexit.register(lambda: v)
def in_cycle(v):
    l = [v]
    l.append(l)
def in_generator(v):
    def g():
        yield v
        yield v
    kept["generator"] = g()
    next(kept["generator"])
@functools.cache
def cached(i): return kept["v"]
def in_cache(v):
    kept["v"] = v
    cached(1)
def in_new_module(v):
    sys.modules["new"] = m = types.ModuleType("new")
    m.v, m.f = v, lambda: m
def in_object(v):
    class A:
        def __del__(self): self.v
    a = A()
    a.v, a.a = v, a
    kept["object"] = a
def in_exception(v):
    try: raise ValueError(v)
    except ValueError as e: sys.last_value = e
`

// Whatever a sub-interpreter did with the views of a buffer, its end gives the memory back. The
// same buffers are in use in the main one meanwhile, and stay so.
func TestBufferOutlivesInterpreter(t *testing.T) {
	each(t, subinterp.Config{Setup: holders}, func(t *testing.T, rt *pyhost.Runtime) {
		var names []string
		require.NoError(t, rt.Eval(bg, "[n for n in globals() if n.startswith('in_')]", &names))
		require.NotEmpty(t, names)
		released := make(chan string, len(names))
		for _, name := range names {
			b, err := pyhost.NewBuffer([]int64{1, 2, 3})
			require.NoError(t, err)
			b.OnRelease(func() { released <- name })
			var view *pyhost.Ref
			require.NoError(t, rt.Call(bg, "memoryview", &view, b))
			require.NoError(t, rt.Call(bg, name, nil, view))
			view.Close()
			require.ErrorIs(t, b.Close(), pyhost.ErrInUse, name)
		}
		b, err := pyhost.NewBuffer([]int64{1, 2, 3})
		require.NoError(t, err)
		b.OnRelease(func() { released <- "a Ref of Go" })
		var left *pyhost.Ref
		require.NoError(t, rt.Call(bg, "memoryview", &left, b))
		require.ErrorIs(t, b.Close(), pyhost.ErrInUse)

		shared, err := pyhost.NewBuffer([]byte("shared"))
		require.NoError(t, err)
		var view *pyhost.Ref
		require.NoError(t, mainRT.Call(bg, "memoryview", &view, shared))
		require.NoError(t, rt.Call(bg, "memoryview", nil, shared))
		require.NoError(t, rt.Close())
		for range len(names) + 1 {
			<-released
		}
		left.Close()
		text, err := pyhost.Call[[]byte](bg, mainRT, "bytes", view)
		require.NoError(t, err)
		require.Equal(t, "shared", string(text))
		require.Equal(t, 1, shared.Views())
	})
}

// One buffer in several interpreters at once, and views of each.
func TestBufferInParallel(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			pool, err := subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{Size: 3,
				Config: subinterp.Config{GIL: gil, Setup: "def total(b):\n" +
					"  with memoryview(b) as m: return sum(m)\ndef view(b): return memoryview(b)"}})
			require.NoError(t, err)
			data := make([]int32, 1000)
			for i := range data {
				data[i] = int32(i)
			}
			b, err := pyhost.NewBuffer(data)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for range 100 {
						n, err := pyhost.Call[int](bg, pool, "total", b)
						require.NoError(t, err)
						require.Equal(t, 499500, n)
						view, err := pyhost.Call[*pyhost.Ref](bg, pool, "view", b)
						require.NoError(t, err)
						v, err := pyhost.ViewOf[int32](bg, view)
						require.NoError(t, err)
						require.Same(t, &data[0], &v.Data[0])
						v.Release()
						view.Close()
					}
				})
			}
			wg.Wait()
			require.NoError(t, pool.Close())
			require.NoError(t, b.Close())
		})
	}
}

// Interpreters end while others look at the same buffers, and Go closes them.
func TestStressBuffers(t *testing.T) {
	limit := 2 * time.Second
	if v := os.Getenv("STRESS_TEST_DURATION"); v != "" {
		var err error
		limit, err = time.ParseDuration(v)
		require.NoError(t, err)
	}
	var gils []subinterp.GIL
	for _, gil := range kinds() {
		gils = append(gils, gil)
	}
	var current atomic.Pointer[pyhost.Buffer]
	var made, released atomic.Int64
	renew := func() {
		b, err := pyhost.NewWritableBuffer([]int64{made.Add(1), 2, 3, 4})
		require.NoError(t, err)
		b.OnRelease(func() { released.Add(1) })
		if old := current.Swap(b); old != nil {
			_ = old.Close()
		}
	}
	renew()
	end := time.Now().Add(limit)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for time.Now().Before(end) {
				rt, err := subinterp.New(bg, mainRT, subinterp.Config{Setup: holders,
					GIL: gils[rand.IntN(len(gils))]})
				require.NoError(t, err)
				for range rand.IntN(30) {
					lookAt(t, rt, current.Load())
				}
				require.NoError(t, rt.Close())
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(end) {
			lookAt(t, mainRT, current.Load())
			renew()
		}
	})
	wg.Wait()
	_ = current.Load().Close()
	require.NoError(t, mainRT.Exec(bg, "import gc; gc.collect()"))
	require.Eventually(t, func() bool { return released.Load() == made.Load() }, 30*time.Second,
		time.Millisecond)
}

// lookAt makes views that end at once or with the interpreter. Somebody else may close the buffer.
func lookAt(t *testing.T, rt *pyhost.Runtime, b *pyhost.Buffer) {
	var view *pyhost.Ref
	err := rt.Call(bg, "memoryview", &view, b)
	if errors.Is(err, pyhost.BufferError) {
		return
	}
	if err != nil {
		require.ErrorContains(t, err, "the Buffer is closed")
		return
	}
	v, err := pyhost.WritableViewOf[int64](bg, view)
	if errors.Is(err, pyhost.ErrOverlap) { // somebody else has one
		v, err = pyhost.ViewOf[int64](bg, view)
	}
	require.NoError(t, err)
	require.Equal(t, []int64{2, 3, 4}, v.Data[1:])
	if rt != mainRT {
		names := []string{"in_main", "in_cycle", "in_sys", "in_object", "repr"}
		require.NoError(t, rt.Call(bg, names[rand.IntN(len(names))], nil, view))
	}
	if rt == mainRT || rand.IntN(2) == 0 { // or it is left to the end
		view.Close()
	}
	v.Release()
}
