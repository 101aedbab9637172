package pyhost_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// A million calls of functions of all kinds leave nothing behind.
func TestFunctionsDoNotLeak(t *testing.T) {
	calls := 1_000_000
	if testing.Short() || instrumented {
		calls = 40_000
	}
	mustExec(t, `
def ten(f, g, h, n):
    for i in range(n):
        f(i, 1); f(2, b=i); g("text"); h([i, None]); g(str(i), k=1)
        try: f(1)
        except TypeError: pass
        try: h(None)
        except ValueError: pass
        h(g); h(lambda: 0); f(3, 4)
`)
	live := cgo.LiveValues()
	fails := errors.New("no list")
	one := func(n int) error {
		f := pyhost.Function{Func: func(a, b int) int { return a + b }, Params: []string{"a", "b"}}
		g := pyhost.Function{Func: func(s string, o struct {
			K int `py:"k"`
		}) (string, int) {
			return s, o.K
		}, Params: []string{"s", "o"}}
		h := func(th *pyhost.Thread, v any) (any, error) {
			if v == nil {
				return nil, errors.Join(pyhost.ValueError, fails)
			}
			return v, nil
		}
		return rt.Call(bg, "ten", nil, f, g, h, n)
	}
	round := func(n int) {
		for range n / 1000 {
			require.NoError(t, one(100))
		}
		require.NoError(t, rt.Exec(bg, "import gc; gc.collect()"))
		runtime.GC()
		require.NoError(t, rt.Exec(bg, "gc.collect()"))
	}
	round(calls / 10)
	before, blocks := resident(t), allocated(t)
	round(calls)
	require.Less(t, allocated(t)-blocks, 2000)
	if !instrumented {
		require.Less(t, resident(t)-before, int64(20<<20))
	}
	require.Eventually(t, func() bool { // Refs are given back when Go's collector has seen them
		runtime.GC()
		_ = rt.Exec(bg, "gc.collect()")
		return cgo.LiveValues() <= live
	}, 10*time.Second, 10*time.Millisecond)
}

func TestFunctionsUnderForcedGC(t *testing.T) {
	defer collectAlways()()
	mustExec(t, "def through(f, v): return f(v)")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 50 {
				got, err := pyhost.Call[[]string](bg, rt, "through",
					func(v []string) []string { return append(v, strings.Repeat("x", 100*i)) },
					[]string{strings.Repeat("y", 1000*i)})
				assert.NoError(t, err) //nolint:testifylint // on another goroutine
				want := []string{strings.Repeat("y", 1000*i), strings.Repeat("x", 100*i)}
				assert.Equal(t, want, got)
			}
		})
	}
	wg.Wait()
}

type panicky struct{}

func (*panicky) UnmarshalPython(any) error { panic("no") }

// What else was passed is given back, when an argument's own method panics.
func TestPanicInUnmarshaler(t *testing.T) {
	mustExec(t, `
import sys
kept = object()
def twice(f):
    for i in range(1000):
        try: f(kept, 1, kept)
        except RuntimeError: pass
    return sys.getrefcount(kept)`)
	before, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(kept)")
	require.NoError(t, err)
	require.NoError(t, rt.Call(bg, "twice", nil, func(*pyhost.Ref, panicky, *pyhost.Ref) {}))
	require.Eventually(t, func() bool { // the first argument is a Ref, for Go's collector
		runtime.GC()
		n, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(kept)")
		return err == nil && n <= before
	}, 10*time.Second, 10*time.Millisecond)
}

type panickingMarshaler struct{}

func (panickingMarshaler) MarshalPython() (any, error) { panic("marshal") }

type panickingText struct{}

func (panickingText) MarshalText() ([]byte, error) { panic("marshal") }

// What was encoded before it is given back.
func TestPanicInMarshaler(t *testing.T) {
	mustExec(t, "def through(f, *args): return f(*args)\nimport gc; gc.collect()")
	before := cgo.LiveValues()
	fn := func() {}
	for _, bad := range []any{panickingMarshaler{}, panickingText{}} {
		require.PanicsWithValue(t, "marshal", func() { _ = rt.Call(bg, "through", nil, fn, bad) })
		var panicked *pyhost.PanicError
		err := rt.Call(bg, "through", nil, func() any { return []any{fn, bad} })
		require.ErrorAs(t, err, &panicked)
	}
	mustExec(t, "gc.collect()")
	require.Equal(t, before, cgo.LiveValues())
}
