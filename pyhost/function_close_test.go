package pyhost_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"sync"
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
	require.Zero(t, cgo.LiveValues())
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
	require.NoError(t, rt.Call(bg, "keep", nil, pyhost.File{IO: out}, pyhost.File{IO: badCloser{}},
		seq, func(s string) { told = append(told, s) }))
	require.NoError(t, rt.Close())
	require.Equal(t, []string{"no close"}, told)
	require.Equal(t, "text", written.String())
	require.Equal(t, 1, out.closed)
	<-ended
}
