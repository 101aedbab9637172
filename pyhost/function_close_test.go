package pyhost_test

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func waitInOnePlace(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{MaxThreads: 1})
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	var f func() error
	depth := 0
	f = func() error {
		if depth++; depth == 20 {
			return nil
		}
		done := make(chan error)
		go func() { done <- rt.Call(bg, "through", nil, f) }()
		return <-done
	}
	require.NoError(t, f())
	require.NoError(t, rt.Close())
}

func closeWaitsForFunction(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	begun, goOn, result := make(chan bool), make(chan bool), make(chan error)
	go func() {
		result <- rt.Call(bg, "through", nil, func() error {
			close(begun)
			<-goOn
			return rt.Exec(bg, "pass") // it is inside: it may still call
		})
	}()
	<-begun
	closed := closing(t, rt)
	close(goOn)
	require.NoError(t, <-result)
	require.NoError(t, <-closed)
}

func closeCancelsFunction(t require.TestingT) {
	rt := mustOpen(t, quick)
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	begun, result := make(chan bool), make(chan error)
	go func() {
		result <- rt.Call(bg, "through", nil, func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			return context.Cause(ctx)
		})
	}()
	<-begun
	require.NoError(t, rt.Close())
	require.ErrorIs(t, <-result, pyhost.ErrClosed)
}

// A thread of Python that Close cannot end goes on; Go is not called by it any more.
func functionAfterClose(t require.TestingT) {
	rt := mustOpen(t, quick)
	var mu sync.Mutex
	closed, called := false, make(chan bool, 1)
	f := func() {
		mu.Lock()
		defer mu.Unlock()
		assert.False(t, closed)
		select {
		case called <- true:
		default:
		}
	}
	require.NoError(t, rt.Call(bg, "__main__.__dict__.update", nil, pyhost.Kw{"f": f}))
	require.NoError(t, rt.Exec(bg, `
import threading
def stubborn():
    while True:
        try:
            while True:
                f()
        except BaseException as e:
            err = e
threading.Thread(target=stubborn, daemon=True).start()
`))
	<-called
	_ = leak(t, rt.Close())
	mu.Lock()
	closed = true
	mu.Unlock()
	<-time.After(closeTimeout) // nothing to wait for: it must not happen
}

func closeInsideFunction(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	for _, f := range []any{rt.Close, func(*pyhost.Thread) error { return rt.Close() }} {
		require.ErrorContains(t, rt.Call(bg, "through", nil, f), "while attached")
	}
	require.NoError(t, rt.Close())
}
