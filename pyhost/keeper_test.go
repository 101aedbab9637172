package pyhost_test

import (
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func init() { inChild("close/main thread", mainThread) }

// Whoever imports threading first, at once with others or on a thread of _thread's, none of them is
// taken for the main thread, at whose end Python would wait.
func mainThread(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{CloseTimeout: 5 * time.Second})
	checkMainThread(t, rt)
	opt := cgo.Sub{AllowThreads: true, CheckExtensions: true, OwnGIL: cgo.OwnGIL(),
		MainAllocator: !cgo.OwnGIL()}
	child, err := rt.NewChild(bg, pyhost.ChildConfig{Options: opt})
	require.NoError(t, err)
	checkMainThread(t, child)
	require.NoError(t, child.Close())
	require.NoError(t, rt.Close())
}

func checkMainThread(t require.TestingT, rt *pyhost.Runtime) {
	require.NoError(t, rt.Exec(bg, `
import _thread, sys
fresh = "threading" not in sys.modules
done = _thread.allocate_lock()
done.acquire()
def other():
    global stranger
    import threading
    stranger = threading.current_thread() is threading.main_thread()
    done.release()
_thread.start_new_thread(other, ())
def here():
    import threading
    return threading.current_thread() is threading.main_thread()
`))
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			main, err := pyhost.Call[bool](bg, rt, "here")
			require.NoError(t, err)
			require.False(t, main)
		})
	}
	calls.Wait()
	main, err := pyhost.Eval[bool](bg, rt, "done.acquire() and stranger")
	require.NoError(t, err)
	require.False(t, main)
	fresh, err := pyhost.Eval[bool](bg, rt, "fresh")
	require.NoError(t, err)
	require.True(t, fresh, "somebody imports threading at the start: it takes time")
}
