package pyhost_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
)

// What a goroutine lets go is freed, though the OS thread that made it runs no Python code again;
// and what that held, too.
func TestFreedWithoutItsThread(t *testing.T) {
	inPython := make(chan struct{})
	leave := make(chan struct{})
	live := cgo.LiveValues()
	require.NoError(t, rt.Exec(bg, "class Kept:\n  def __init__(self, f): self.f = f\n"+
		"def nothing(): pass\nkept = []"))
	go func() { // its OS thread sleeps until the end
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := rt.Exec(bg, "pass"); err != nil {
			t.Error(err)
		}
		if err := rt.Call(bg, "kept.append", nil, func() {}); err != nil {
			t.Error(err)
		}
		close(inPython)
		<-leave
	}()
	defer close(leave)
	<-inPython
	require.Greater(t, cgo.LiveValues(), live)
	require.NoError(t, rt.Exec(bg, "kept[:] = [Kept(kept.pop())]"))
	require.NoError(t, rt.Exec(bg, "kept.clear()"))
	require.Eventually(t, func() bool { return cgo.LiveValues() <= live }, waitLong, waitTick)
}
