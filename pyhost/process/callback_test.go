//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

const apply = "def apply(f, *args, **kw): return f(*args, **kw)"

type options struct {
	Upper bool   `py:"upper"`
	End   string `py:"end"`
}

// mute is an error that panics.
type mute struct{}

func (mute) Error() string { panic("no words") }

func TestFunctionsWhoseResultPanics(t *testing.T) {
	rt := start(t, process.Config{Setup: apply})
	for _, fn := range []any{
		func() any { return []any{picky{}} },
		func() error { return mute{} },
	} {
		err := rt.Call(bg, "apply", nil, fn)
		var pe *pyhost.PanicError
		require.ErrorAs(t, err, &pe)
		require.NotEmpty(t, pe.Stack)
	}
	n, err := pyhost.Call[int](bg, rt, "apply", func() int { return 3 })
	require.NoError(t, err)
	require.Equal(t, 3, n)
}

// owned is an argument that its function has to release.
type owned struct{ released *int }

func (o *owned) UnmarshalPython(any) error { o.released = new(int); return nil }

func (o *owned) Release() { *o.released++ }

// What a function was given is its own, though it returns an error.
func TestArgumentOfAFunctionThatFails(t *testing.T) {
	rt := start(t, process.Config{Setup: apply})
	var got owned
	broken := errors.New("broken")
	err := rt.Call(bg, "apply", nil, func(o owned) error { got = o; return broken }, 1)
	require.ErrorIs(t, err, broken)
	require.Zero(t, *got.released)
	err = rt.Call(bg, "apply", nil, func(o owned, _ int) { got = o }, 1, "x")
	require.ErrorIs(t, err, pyhost.TypeError)
}

func TestFunctions(t *testing.T) {
	rt := start(t, process.Config{Setup: apply})
	call := func(want any, fn any, args ...any) {
		t.Helper()
		got, err := pyhost.Call[any](bg, rt, "apply", append([]any{fn}, args...)...)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	call(int64(5), func(a, b int) int { return a + b }, 2, 3)
	call(nil, func() {})
	call("xy", func(a, b string) (string, error) { return a + b, nil }, "x", "y")
	call(pyhost.Tuple{int64(1), "x"}, func() (int, string) { return 1, "x" })
	call(int64(6), func(n ...int) int { return n[0] + n[1] + n[2] }, 1, 2, 3)
	say := func(text string, o options) string {
		if o.Upper {
			text = strings.ToUpper(text)
		}
		return text + o.End
	}
	call("HI!", say, "hi", pyhost.Kw{"upper": true, "end": "!"})
	call("hi", say, "hi")
	named := pyhost.Function{Func: func(a, b int) int { return a - b }, Params: []string{"a", "b"},
		Name: "minus", Doc: "Subtracts."}
	call(int64(-1), named, pyhost.Kw{"b": 3, "a": 2})
	long := strings.Repeat("ä", 1<<20)
	call(long+long, func(s string) string { return s + s }, long)
	data := make([]byte, 3<<20)
	call(data, func(b []byte) []byte { return b }, data)
	list := make([]any, 100_000)
	call(list, func(v []any) []any { return v }, list)

	doc, err := pyhost.Call[string](bg, rt, "inspect.getdoc", named)
	require.NoError(t, err)
	require.Equal(t, "Subtracts.", doc)
	sig, err := pyhost.Call[string](bg, rt, "apply", func(f *pyhost.Ref) (string, error) {
		defer f.Close()
		text, err := pyhost.Call[string](bg, rt, "str", f)
		return text, err
	}, named)
	require.NoError(t, err)
	require.Equal(t, "<Go function minus>", sig)
	// One that gives another one.
	require.NoError(t, rt.Exec(bg, "def twice(make): return make(10)(5)"))
	n, err := pyhost.Call[int](bg, rt, "twice", func(a int) func(int) int {
		return func(b int) int { return a * b }
	})
	require.NoError(t, err)
	require.Equal(t, 50, n)
	_, err = pyhost.Call[any](bg, rt, "apply", func(*pyhost.Thread) {})
	require.ErrorContains(t, err, "cannot cross to another process")
}

func TestArgumentsOfFunctions(t *testing.T) {
	rt := start(t, process.Config{Setup: apply})
	fn := pyhost.Function{Func: func(count int, names []string) {}, Name: "f",
		Params: []string{"count", "names"}}
	fails := func(text string, args ...any) {
		t.Helper()
		err := rt.Call(bg, "apply", nil, append([]any{fn}, args...)...)
		require.ErrorIs(t, err, pyhost.TypeError)
		require.ErrorContains(t, err, text)
	}
	fails("f() argument 'count': str into int", "x", []string{})
	fails("f() argument 'names'[1]: int into string", 1, []any{"a", 1})
	fails("f() missing required argument names", 1)
	fails("f() takes 2 positional arguments but 3 were given", 1, 2, 3)
	fails("f() got an unexpected keyword argument 'x'", 1, pyhost.Kw{"x": 1})
	fails("into int", []any{}, []string{}) // an object, and the runtime goes on
}

type customError struct{ code int }

func (e *customError) Error() string { return fmt.Sprint("code ", e.code) }

func TestErrorsOfFunctions(t *testing.T) {
	rt := start(t, process.Config{Setup: apply + `
def caught(f):
    try: f()
    except Exception as e: return type(e).__name__ + ": " + str(e)
def again(f):
    try: f()
    except Exception as e: kept.append(e); raise KeyError("k") from e
kept = []
def keep(): raise kept.pop()
`})
	mine := &customError{7}
	fn := func() error { return mine }
	err := rt.Call(bg, "apply", nil, fn)
	require.ErrorIs(t, err, error(mine)) // itself
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "pyhost.GoError", pe.Type)
	require.ErrorIs(t, err, pyhost.RuntimeError)
	require.Contains(t, fmt.Sprintf("%+v", err), "callback_test.go")

	err = rt.Call(bg, "again", nil, fn)
	require.ErrorIs(t, err, error(mine))
	require.ErrorIs(t, err, pyhost.KeyError)
	runtime.GC()
	err = rt.Call(bg, "keep", nil) // from an earlier call
	require.ErrorIs(t, err, error(mine))

	text, err := pyhost.Call[string](bg, rt, "caught", func() error { return fs.ErrNotExist })
	require.NoError(t, err)
	require.Contains(t, text, "FileNotFoundError")
	text, err = pyhost.Call[string](bg, rt, "caught", func() error {
		return fmt.Errorf("%w: not so", pyhost.ValueError)
	})
	require.NoError(t, err)
	require.Equal(t, "ValueError: not so", text)

	err = rt.Call(bg, "apply", nil, func() { panic("oh") })
	var pn *pyhost.PanicError
	require.ErrorAs(t, err, &pn)
	require.Equal(t, "oh", pn.Value)
	require.Contains(t, string(pn.Stack), "callback_test.go")
	err = rt.Call(bg, "apply", nil, runtime.Goexit)
	require.ErrorContains(t, err, "runtime.Goexit was called")
	err = rt.Call(bg, "apply", nil, func() any { return make(chan<- int) })
	require.ErrorContains(t, err, "has no Python form")
}

func TestFunctionsCallPython(t *testing.T) {
	for _, threads := range []int{0, 1} {
		rt := start(t, process.Config{Setup: apply, MaxThreads: threads})
		var down func(ctx context.Context, n int) (int, error)
		down = func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			got, err := pyhost.Call[int](ctx, rt, "apply", down, n-1)
			return got + 1, err
		}
		n, err := pyhost.Call[int](bg, rt, "apply", down, 30)
		require.NoError(t, err)
		require.Equal(t, 30, n)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					n, err := pyhost.Call[int](bg, rt, "apply", down, 3)
					if err != nil || n != 3 {
						t.Error(n, err)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestThreadsOfPythonCallFunctions(t *testing.T) {
	rt := start(t, process.Config{Setup: `
import threading
def threads(f, n):
    got = []
    def run(i): got.append(f(i))
    all = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in all: t.start()
    for t in all: t.join()
    return sorted(got)
def later(f):
    global thread
    go.wait()
    f(1)
go = threading.Event()
def begin(f): threading.Thread(target=later, args=(f,)).start()
`})
	got, err := pyhost.Call[[]int](bg, rt, "threads", func(n int) int { return n * n }, 5)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 4, 9, 16}, got)
	called := make(chan int, 1) // while no call is under way
	require.NoError(t, rt.Call(bg, "begin", nil, func(n int) { called <- n }))
	require.NoError(t, rt.Exec(bg, "threading.Timer(0.01, go.set).start()"))
	require.Equal(t, 1, <-called)
	err = rt.Call(bg, "threads", nil, func(int) error { return errors.New("in a thread") }, 1)
	require.NoError(t, err)
}

// Arguments that need more and more shared memory, which has to come from the program first.
func TestFunctionsOfLongArguments(t *testing.T) {
	rt := start(t, process.Config{Setup: `
def grow(f):
    f(b"")
    return [len(f(bytes(i << 20))) for i in range(1, 9)]
`})
	for range 3 {
		got, err := pyhost.Call[[]int](bg, rt, "grow", func(b []byte) []byte { return b })
		require.NoError(t, err)
		require.Equal(t, 8<<20, got[7])
	}
}
