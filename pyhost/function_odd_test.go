package pyhost_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
