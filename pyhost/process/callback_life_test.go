//go:build linux

package process_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

type contextKey struct{}

func TestFunctionsHaveTheContextOfTheCall(t *testing.T) {
	rt := start(t, process.Config{Setup: apply, Grace: 2 * time.Second})
	ctx, stop := context.WithCancel(context.WithValue(bg, contextKey{}, "value"))
	value, err := pyhost.Call[string](ctx, rt, "apply", func(ctx context.Context) string {
		return ctx.Value(contextKey{}).(string)
	})
	require.NoError(t, err)
	require.Equal(t, "value", value)
	err = rt.Call(ctx, "apply", nil, func(ctx context.Context) error {
		stop()
		<-ctx.Done()
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.False(t, ce.Abandoned)
	require.NoError(t, rt.Exec(bg, "pass"))
	require.Zero(t, rt.Stats().Restarts)
}

// A function that goes on although its context has ended costs neither the caller nor the worker.
func TestFunctionThatIgnoresItsContext(t *testing.T) {
	rt := start(t, process.Config{Setup: apply, Grace: 2 * time.Second})
	ctx, stop := context.WithCancel(bg)
	release, ended := make(chan struct{}), make(chan struct{})
	err := rt.Call(ctx, "apply", nil, func() {
		defer close(ended)
		stop()
		<-release
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, rt.Exec(bg, "pass"))
	require.Zero(t, rt.Stats().Restarts)
	close(release)
	<-ended
	require.NoError(t, rt.Exec(bg, "pass"))
}

func TestWorkerDiesInFunction(t *testing.T) {
	rt := start(t, process.Config{Setup: apply, Stderr: io.Discard})
	cause := make(chan error, 1)
	err := rt.Call(bg, "apply", nil, func(ctx context.Context) error {
		if err := syscall.Kill(rt.Info().Pid, syscall.SIGKILL); err != nil {
			return err
		}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	})
	var exit *process.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, syscall.SIGKILL, exit.Signal)
	require.ErrorAs(t, <-cause, &exit)
	n, err := pyhost.Call[int](bg, rt, "apply", func() int { return 5 })
	require.NoError(t, err)
	require.Equal(t, 5, n)
}

func TestCloseInFunction(t *testing.T) {
	rt, err := process.Start(bg, process.Config{Setup: apply, CloseTimeout: 400 * time.Millisecond})
	require.NoError(t, err)
	inside, outer := make(chan struct{}), make(chan error, 1)
	var inner error
	go func() {
		outer <- rt.Call(bg, "apply", nil, func(ctx context.Context) error {
			close(inside)
			<-ctx.Done()
			inner = rt.Exec(ctx, "pass")
			return context.Cause(ctx)
		})
	}()
	<-inside
	require.NoError(t, rt.Close())
	require.ErrorIs(t, <-outer, pyhost.ErrClosed)
	require.Error(t, inner)
}

// What Python has dropped is forgotten, and no goroutine stays.
func TestFunctionsAreForgotten(t *testing.T) {
	rt := start(t, process.Config{Setup: apply + `
kept = []
def keep(f): kept.append(f)
def first(items): return next(iter(items))
`})
	before := runtime.NumGoroutine()
	broken := errors.New("broken")
	for range 200 {
		require.NoError(t, rt.Call(bg, "apply", nil, func() {}))
		require.ErrorIs(t, rt.Call(bg, "apply", nil, func() error { return broken }), broken)
		n, err := pyhost.Call[int](bg, rt, "first", slices.Values([]int{7, 8}))
		require.NoError(t, err)
		require.Equal(t, 7, n)
	}
	require.NoError(t, rt.Call(bg, "keep", nil, func() {}))
	require.NoError(t, rt.Call(bg, "gc.collect", nil))
	require.NoError(t, rt.Exec(bg, "pass")) // what is let go is told at the next call at the latest
	require.Eventually(t, func() bool {
		funcs, values := rt.Known()
		return funcs == 1 && values == 0
	}, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 10*time.Second,
		time.Millisecond)
}

// A sequence that a worker was reading ends with it.
func TestSequenceEndsWithItsWorker(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard, Setup: `
def begin(items):
    global kept
    kept = items
    return next(kept)
`})
	ended := make(chan struct{})
	n, err := pyhost.Call[int](bg, rt, "begin", func(yield func(int) bool) {
		defer close(ended)
		for i := 0; yield(i); i++ {
		}
	})
	require.NoError(t, err)
	require.Zero(t, n)
	require.Error(t, rt.Exec(bg, "import os; os._exit(1)"))
	<-ended
}

func TestFunctionThatCallsItselfForEver(t *testing.T) {
	rt := start(t, process.Config{Setup: "import sys\ndef apply(f): return f()"})
	var again func(ctx context.Context) error
	again = func(ctx context.Context) error { return rt.Call(ctx, "apply", nil, again) }
	require.ErrorIs(t, rt.Call(bg, "apply", nil, again), pyhost.RecursionError)
	require.NoError(t, rt.Exec(bg, "pass"))
}

// The objects that such a call was to hand over are given back.
func TestArgumentsOfTheLastCallOfAll(t *testing.T) {
	rt := start(t, process.Config{Setup: `
class Thing:
    alive = 0
    def __init__(self): Thing.alive += 1
    def __del__(self): Thing.alive -= 1
def apply(f): return f(Thing(), b"x" * 100_000)
`})
	var again func(ctx context.Context, thing *pyhost.Ref, long []byte) error
	again = func(ctx context.Context, thing *pyhost.Ref, long []byte) error {
		defer thing.Close()
		return rt.Call(ctx, "apply", nil, again)
	}
	require.ErrorIs(t, rt.Call(bg, "apply", nil, again), pyhost.RecursionError)
	require.NoError(t, rt.Exec(bg, "import sys, gc; sys.last_exc = None; gc.collect()"))
	require.Eventually(t, func() bool {
		n, err := pyhost.Eval[int](bg, rt, "Thing.alive")
		return err == nil && n == 0
	}, 10*time.Second, time.Millisecond)
}

// Functions of many calls at once, nested and cancelled ones, while workers are killed.
func TestStressFunctions(t *testing.T) {
	rt := start(t, process.Config{Setup: apply, Stderr: io.Discard, Grace: time.Second})
	stop := time.Now().Add(stressTime())
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; time.Now().Before(stop); n++ {
				ctx, cancel := context.WithTimeout(bg, time.Duration(1+n%20)*time.Millisecond)
				inner := func(ctx context.Context) (int, error) {
					return pyhost.Call[int](ctx, rt, "apply", func() int { return 10*n + i })
				}
				got, err := pyhost.Call[int](ctx, rt, "apply", inner)
				cancel()
				if err == nil && got != 10*n+i {
					t.Error("an answer of another call")
				} else if !expected(err) {
					t.Error(err)
				}
				if i == 0 && n%50 == 49 {
					_ = syscall.Kill(rt.Info().Pid, syscall.SIGKILL)
				}
			}
		})
	}
	wg.Wait()
}

// expected: there is no error, or one of a call that was cancelled, or whose worker was killed.
func expected(err error) bool {
	var exit *process.ExitError
	return err == nil || errors.As(err, &exit) || errors.Is(err, process.ErrGone) ||
		errors.Is(err, context.DeadlineExceeded)
}
