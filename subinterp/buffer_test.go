package subinterp_test

import (
	"testing"

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
		shared, err := pyhost.NewBuffer([]byte("shared"))
		require.NoError(t, err)
		var view *pyhost.Ref
		require.NoError(t, mainRT.Call(bg, "memoryview", &view, shared))
		require.NoError(t, rt.Call(bg, "memoryview", nil, shared))
		require.NoError(t, rt.Close())
		for range names {
			t.Log(<-released)
		}
		text, err := pyhost.Call[[]byte](bg, mainRT, "bytes", view)
		require.NoError(t, err)
		require.Equal(t, "shared", string(text))
		require.Equal(t, 1, shared.Views())
	})
}
