package pyhost_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func init() { inChild("gil", turnsGILOn) }

// A module that does not say that it can do without turns the GIL on: Info tells, and goroutines
// wait for it in Go.
func TestGIL(t *testing.T) {
	require.Equal(t, !freeThreaded(), rt.Info().GIL)
	if !freeThreaded() {
		return
	}
	if rt.Exec(bg, "import importlib.util as u; assert u.find_spec('_testmultiphase')") != nil {
		t.Skip("this Python lacks _testmultiphase, where there is a module that needs the GIL")
	}
	child(t, "gil")
}

const needsGIL = `
import importlib.machinery, importlib.util, warnings
warnings.simplefilter("ignore")
origin = importlib.util.find_spec("_testmultiphase").origin
loader = importlib.machinery.ExtensionFileLoader("_testmultiphase_null_slots", origin)
spec = importlib.util.spec_from_loader(loader.name, loader)
importlib.util.module_from_spec(spec)
def count(n):
    while n: n -= 1
`

func turnsGILOn(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{MaxThreads: 32})
	require.False(t, rt.Info().GIL)
	require.NoError(t, rt.Exec(bg, needsGIL))
	require.True(t, rt.Info().GIL)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() { require.NoError(t, rt.Call(bg, "count", nil, 20_000)) })
	}
	wg.Wait()
	require.Less(t, rt.Stats().ThreadStates, 16, "they did not wait in the GIL")
	require.NoError(t, rt.Close())
	require.True(t, rt.Info().GIL)
}

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
