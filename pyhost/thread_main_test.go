package pyhost_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const lockedMain = "thread/locked main"

func init() {
	if os.Getenv(childVar) == lockedMain {
		runtime.LockOSThread() // as programs with windows do
	}
	inChild(lockedMain, acquireOnLockedMain)
}

func TestAcquireOnMainThread(t *testing.T) {
	_, errs := apart(t, lockedMain)
	require.Empty(t, errs)
}

// A goroutine that cannot leave the first thread of the process is attached there.
func acquireOnLockedMain(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{})
	acquire := func() error {
		th, err := rt.Acquire(bg)
		if err == nil {
			th.Release()
		}
		return err
	}
	require.NoError(t, acquire())
	require.NoError(t, rt.Exec(bg, "def through(f): return f()"))
	require.NoError(t, rt.Call(bg, "through", nil, acquire))
	require.NoError(t, rt.Close())
}
