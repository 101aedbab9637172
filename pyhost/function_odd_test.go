package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"
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
