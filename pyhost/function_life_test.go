package pyhost_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	inChild("function/one place", waitInOnePlace)
	inChild("function/close waits", closeWaitsForFunction)
	inChild("function/close cancels", closeCancelsFunction)
	inChild("function/after close", functionAfterClose)
	inChild("function/close inside", closeInsideFunction)
	inChild("function/at exit", functionAtExit)
	inChild("function/left open", leftOpen)
}

func TestFunctionsAndClose(t *testing.T) {
	for name := range children {
		if what, ok := strings.CutPrefix(name, "function/"); ok {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				_, errs := apart(t, name)
				require.Empty(t, errs)
			})
		}
	}
}

type key struct{}

func TestFunctionHasTheContextOfItsCall(t *testing.T) {
	mustExec(t, "def through(f, *args): return f(*args)")
	ctx := context.WithValue(bg, key{}, "value")
	see := func(ctx context.Context) string { s, _ := ctx.Value(key{}).(string); return s }
	for _, ctx := range []context.Context{ctx, first(context.WithTimeout(ctx, time.Hour))} {
		got, err := pyhost.Call[string](ctx, rt, "through", see)
		require.NoError(t, err)
		require.Equal(t, "value", got)
		require.NoError(t, rt.Do(ctx, func(th *pyhost.Thread) error {
			fn, err := th.Value(see)
			require.NoError(t, err)
			s, err := fn.Call("")
			require.NoError(t, err)
			require.NoError(t, s.Decode(&got))
			require.Equal(t, "value", got)
			return nil
		}))
		// Of a call without one it gets none, though the function that made the call had one.
		got, err = pyhost.Call[string](ctx, rt, "through", func() (string, error) {
			n, err := pyhost.Call[int](bg, rt, "int", 3)
			assert.Equal(t, 3, n)
			if err != nil {
				return "", err
			}
			return pyhost.Call[string](bg, rt, "through", see)
		})
		require.NoError(t, err)
		require.Empty(t, got)
	}
	// Its end is seen by the function, and the caller learns of it.
	short, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	err := rt.Call(short, "through", nil, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, rt.Exec(bg, "pass"))
}

func first(ctx context.Context, _ context.CancelFunc) context.Context { return ctx }

func TestCancelPythonThatCallsGo(t *testing.T) {
	mustExec(t, `
def forever(f):
    while True:
        f(1)
`)
	for _, f := range []any{func(int) {}, func(n int) int { return n },
		func(*pyhost.Thread, int) {},
		func(context.Context, any) error { return rt.Exec(bg, "pass") },
		func(any) error { return errors.Join(rt.Exec(bg, "sum(range(1000))")) }} {
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		err := rt.Call(ctx, "forever", nil, f)
		stop()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var ce *pyhost.CancelError
		require.ErrorAs(t, err, &ce)
		require.False(t, ce.Abandoned)
	}
}

func TestFunctionsNest(t *testing.T) {
	mustExec(t, "def down(f, n): return f(n)")
	var plain func(n int) (int, error)
	plain = func(n int) (int, error) {
		if n == 0 {
			return 0, nil
		}
		sum, err := pyhost.Call[int](bg, rt, "down", plain, n-1)
		return sum + n, err
	}
	var attached func(th *pyhost.Thread, n int) (int, error)
	attached = func(th *pyhost.Thread, n int) (sum int, err error) {
		if n == 0 {
			return 0, nil
		}
		main, err := th.Import("__main__")
		if err != nil {
			return 0, err
		}
		r, err := main.Call("down", attached, n-1)
		if err != nil {
			return 0, err
		}
		err = r.Decode(&sum)
		return sum + n, err
	}
	for _, f := range []any{plain, attached} {
		sum, err := pyhost.Call[int](bg, rt, "down", f, 100)
		require.NoError(t, err)
		require.Equal(t, 5050, sum)
		ctx, stop := context.WithTimeout(bg, time.Minute)
		sum, err = pyhost.Call[int](ctx, rt, "down", f, 100)
		stop()
		require.NoError(t, err)
		require.Equal(t, 5050, sum)
	}
	mustExec(t, "def endless(f): f()")
	var endless func() error
	endless = func() error { return rt.Call(bg, "endless", nil, endless) }
	require.ErrorIs(t, endless(), pyhost.RecursionError)
	require.NoError(t, rt.Exec(bg, "pass"))
}

// Threads that Python has made call Go, and Go calls back.
func TestThreadsOfPythonCallGo(t *testing.T) {
	mustExec(t, `
import threading
def crowd(f, n):
    out = []
    ts = [threading.Thread(target=lambda i=i: out.append(f(i))) for i in range(n)]
    for t in ts: t.start()
    for t in ts: t.join()
    return sorted(out)
`)
	want := make([]int, 20)
	for i := range want {
		want[i] = i + 1
	}
	for _, f := range []any{
		func(n int) int { return n + 1 },
		func(n int) (int, error) { return pyhost.Call[int](bg, rt, "sum", []int{n, 1}) },
		func(ctx context.Context, n int) (sum int, err error) {
			ctx, stop := context.WithTimeout(ctx, time.Minute)
			defer stop()
			err = rt.Call(ctx, "sum", &sum, []int{n, 1})
			return sum, err
		},
		func(th *pyhost.Thread, n *pyhost.Object) (*pyhost.Object, error) {
			return n.Call("__add__", 1)
		},
		func(n int) (sum int, err error) {
			err = rt.Do(bg, func(th *pyhost.Thread) error {
				o, err := th.Value(n)
				if err == nil {
					err = th.Detach(runtime.Gosched)
				}
				if err == nil {
					o, err = o.Call("__add__", 1)
				}
				if err == nil {
					err = o.Decode(&sum)
				}
				return err
			})
			return sum, err
		},
	} {
		got, err := pyhost.Call[[]int](bg, rt, "crowd", f, len(want))
		require.NoError(t, err, "%T", f)
		require.Equal(t, want, got, "%T", f)
	}
}

// A function runs detached: others are in Python meanwhile, and it may wait for them.
func TestFunctionRunsDetached(t *testing.T) {
	mustExec(t, "def through(f): return f()")
	require.NoError(t, rt.Call(bg, "through", nil, func() error {
		done := make(chan error)
		go func() { done <- rt.Exec(bg, "pass") }()
		return <-done
	}))
	require.NoError(t, rt.Call(bg, "through", nil, func(th *pyhost.Thread) error {
		done := make(chan error)
		go func() { done <- rt.Exec(bg, "pass") }()
		var err error
		if e := th.Detach(func() { err = <-done }); e != nil {
			return e
		}
		return err
	}))
}

// While Python ends its functions are called by atexit handlers, and not by what comes later.
func functionAtExit(t require.TestingT) {
	rt := mustOpen(t, patient)
	var log []string
	note := func(what string) { log = append(log, what) }
	require.NoError(t, rt.Module(bg, "host", pyhost.Members{"note": note}))
	require.NoError(t, rt.Exec(bg, `
import atexit, host
atexit.register(host.note, "atexit")
class Last:
    def __del__(self, note=host.note):
        try:
            note("finalized")
        except RuntimeError as e:
            pass
last = Last()
`))
	require.NoError(t, rt.Close())
	require.Equal(t, []string{"atexit"}, log)
	if !immortals(rt) { // there the class holds the function for ever
		require.Zero(t, cgo.LiveValues())
	}
}

type badCloser struct{ io.Writer }

func (badCloser) Close() error { return errors.New("no close") }

// Files and sequences of Go that Python has not dropped are closed by Close.
func leftOpen(t require.TestingT) {
	rt := mustOpen(t, patient)
	var written bytes.Buffer
	out := &closer{Writer: &written}
	ended := make(chan bool)
	seq := iter.Seq[int](func(yield func(int) bool) {
		defer close(ended)
		for yield(1) {
		}
	})
	require.NoError(t, rt.Exec(bg, `
import sys
def keep(f, g, seq, tell):
    global kept
    kept = f, g, seq
    f.write(b"text")
    next(seq)
    sys.unraisablehook = lambda a: tell(str(a.exc_value))
`))
	var told []string
	var packed bytes.Buffer
	require.NoError(t, rt.Exec(bg, "import gzip, io\ndef pack(f):\n  global text\n"+
		"  text = io.TextIOWrapper(gzip.open(f, 'w'))\n  print('left', file=text)\n"+
		"  global detached; detached = io.TextIOWrapper(io.BytesIO()); detached.detach()"))
	require.NoError(t, rt.Call(bg, "pack", nil, pyhost.File{IO: &packed}))
	require.NoError(t, rt.Call(bg, "keep", nil, pyhost.File{IO: out}, pyhost.File{IO: badCloser{}},
		seq, func(s string) { told = append(told, s) }))
	require.NoError(t, rt.Close())
	require.Equal(t, []string{"no close"}, told)
	require.Equal(t, "text", written.String())
	require.Equal(t, 1, out.closed)
	plain, err := gzip.NewReader(&packed)
	require.NoError(t, err)
	text, err := io.ReadAll(plain)
	require.NoError(t, err)
	require.Equal(t, "left\n", string(text))
	<-ended
}

func TestMisuseInFunction(t *testing.T) {
	mustExec(t, "def through(f): return f()")
	var kept *pyhost.Thread
	var object *pyhost.Object
	for _, attached := range []bool{false, true} {
		leave := func() { kept, _ = rt.Acquire(bg) }
		var f any = leave
		if attached {
			f = func(*pyhost.Thread) { leave() }
		}
		done := make(chan error)
		go func() { done <- rt.Call(bg, "through", nil, f) }()
		require.NoError(t, <-done)
		require.Panics(t, kept.Release)
		require.NoError(t, rt.Exec(bg, "pass"))
	}
	require.NoError(t, rt.Call(bg, "through", nil, func(th *pyhost.Thread) (err error) {
		kept = th
		object, err = th.Value("x")
		return err
	}))
	_, err := kept.Import("json")
	require.ErrorIs(t, err, pyhost.ErrReleased)
	require.ErrorIs(t, object.Decode(new(string)), pyhost.ErrReleased)
	require.ErrorIs(t, rt.Call(bg, "through", nil, func() *pyhost.Object { return object }),
		pyhost.ErrReleased)
	require.NoError(t, rt.Call(bg, "through", nil, func(th *pyhost.Thread) { th.Release() }))
	err = rt.Call(bg, "through", nil, func() chan<- int { return make(chan<- int) })
	require.ErrorContains(t, err, "chan<- int has no Python form")
	err = rt.Call(bg, "through", nil, func(th *pyhost.Thread) error {
		return rt.Call(bg, "through", nil, func() error { _, err := th.Import("json"); return err })
	})
	require.ErrorIs(t, err, pyhost.ErrWrongThread)
	require.NoError(t, rt.Exec(bg, "pass"))
}
