package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Neither Python's limit nor a small stack is overrun by Go and Python that call each other.
func TestEndlessFunctionEndsBeforeTheStack(t *testing.T) {
	endless := func() error { return rt.Call(bg, "endless", nil) }
	mustExec(t, "def set_endless(f): global endless; endless = f")
	require.NoError(t, rt.Call(bg, "set_endless", nil, endless))
	require.ErrorContains(t, endless(), "RecursionError")
	mustExec(t, `
import threading
caught = []
def on_a_small_stack():
    try: endless()
    except RecursionError as e: caught.append(e)
before = threading.stack_size(256 << 10)
t = threading.Thread(target=on_a_small_stack)
t.start(); t.join()
threading.stack_size(before)
assert caught
`)
}

func init() { inChild("goexit", functionExits) }

func TestFunctionThatExits(t *testing.T) {
	_, errs := apart(t, "goexit")
	require.Contains(t, errs, "called runtime.Goexit")
}

// Attached or not, it does not keep others from Python.
func functionExits(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{})
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	begun := make(chan bool)
	exit := func() { begun <- true; runtime.Goexit() }
	for _, f := range []any{exit, func(*pyhost.Thread) { exit() }} {
		go func() { _ = rt.Call(bg, "through", nil, f) }()
		<-begun
		ctx, stop := context.WithTimeout(bg, 10*time.Second)
		require.NoError(t, rt.Exec(ctx, "pass"))
		stop()
	}
}

func init() { inChild("first cancellation", functionCancelsFirst) }

func TestFunctionCancelsFirst(t *testing.T) {
	_, errs := apart(t, "first cancellation")
	require.Empty(t, errs)
}

// The first exception of a runtime is not described; that of a function which was quicker than the
// canceller is a cancellation still.
func functionCancelsFirst(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{})
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	ctx, cancel := context.WithCancel(bg)
	err := rt.Call(ctx, "through", nil, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.NoError(t, rt.Close())
}

func TestErrorOfFunctionWithAnOddName(t *testing.T) {
	fails := errors.New("fails")
	mustExec(t, "def through(f, *args, **kw): return f(*args, **kw)")
	odd := pyhost.Function{Name: "\xff", Func: func() error { return fails }}
	err := rt.Call(bg, "through", nil, odd)
	require.ErrorIs(t, err, fails)
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "pyhost.GoError", pe.Type)
}

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestErrorThatPanicsIsForgotten(t *testing.T) {
	mustExec(t, "def through(f, *args, **kw): return f(*args, **kw)")
	call := func() {
		err := rt.Call(bg, "through", nil, func() error { var e *nilError; return e })
		var panicked *pyhost.PanicError
		require.ErrorAs(t, err, &panicked)
	}
	call()
	mustExec(t, "import gc; gc.collect()")
	before := cgo.LiveValues()
	for range 100 {
		call()
	}
	mustExec(t, "gc.collect()")
	require.Less(t, cgo.LiveValues()-before, 50)
}

func TestFunctionAndNUL(t *testing.T) {
	mustExec(t, "def through(f, *args, **kw): return f(*args, **kw)")
	f := pyhost.Function{Func: func(s string) string { return s }, Params: []string{"s"}}
	err := rt.Call(bg, "through", nil, f, pyhost.Kw{"s\x00t": "v"})
	require.ErrorIs(t, err, pyhost.TypeError)
	f.Doc = "a\x00b"
	require.ErrorContains(t, rt.Call(bg, "through", nil, f, "v"), "NUL")
}

// Only a class of exceptions is called to make one.
func TestErrorThatNamesNoException(t *testing.T) {
	mustExec(t, "import builtins; called = []; builtins.rogue = called.append")
	mustExec(t, "def through(f, *args, **kw): return f(*args, **kw)")
	fails := fmt.Errorf("%w: fails", pyhost.ExceptionClass("rogue"))
	err := rt.Call(bg, "through", nil, func() error { return fails })
	mustExec(t, "del builtins.rogue")
	require.ErrorIs(t, err, fails)
	called, err := pyhost.Eval[int](bg, rt, "len(called)")
	require.NoError(t, err)
	require.Zero(t, called)
}

// The goroutine of a sequence ends though the code that would end it does not come to run.
func TestSequenceOfABrokenGenerator(t *testing.T) {
	mustExec(t, `
import sys
def break_off(items):
    next(items)
    def trace(frame, event, arg):
        if event == "line" and frame.f_lineno == frame.f_code.co_firstlineno + 9:
            raise KeyError
        return trace
    sys.settrace(trace)
    try: items.close()
    except KeyError: return True
    finally: sys.settrace(None)
`)
	ended := make(chan struct{})
	seq := func(yield func(int) bool) {
		defer close(ended)
		for yield(1) {
		}
	}
	broken, err := pyhost.Call[bool](bg, rt, "break_off", iter.Seq[int](seq))
	require.NoError(t, err)
	require.True(t, broken)
	require.Eventually(t, func() bool {
		mustExec(t, "import gc; gc.collect()")
		runtime.GC()
		select {
		case <-ended:
			return true
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
}

func TestSequenceThatExits(t *testing.T) {
	seq := func(yield func(int) bool) { yield(1); runtime.Goexit() }
	require.ErrorContains(t, rt.Call(bg, "list", nil, iter.Seq[int](seq)), "Goexit")
}
