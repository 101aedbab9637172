package pyhost_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func deadline(t *testing.T, d time.Duration) context.Context {
	ctx, stop := context.WithTimeout(bg, d)
	t.Cleanup(stop)
	return ctx
}

func TestCancelPureCode(t *testing.T) {
	err := rt.Exec(deadline(t, 20*time.Millisecond), "while True: x = 1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.False(t, ce.Abandoned)
	require.NotNil(t, ce.Python)
	require.NotErrorIs(t, err, pyhost.Exception, "except Exception must not catch it")
	require.ErrorIs(t, err, pyhost.BaseException)
	require.NoError(t, rt.Exec(bg, "for i in range(10000): pass"), "nothing hits the next call")
}

func TestCancelWithCause(t *testing.T) {
	ctx, stop := context.WithCancelCause(bg)
	why := errors.New("the user left")
	started := make(chan struct{})
	go func() { <-started; stop(why) }()
	mustExec(t, "def spin():\n  while True: pass")
	close(started)
	err := rt.Call(ctx, "spin", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, why)
	require.ErrorContains(t, err, "spin cancelled: the user left")
}

func TestCodeThatCatchesTheCancellation(t *testing.T) {
	mustExec(t, `
caught = 0
def spin(): # 3.11 and 3.12 do not count the end of a loop that fills a try as part of it
    while True: x = 1

def stubborn():
    global caught
    caught = 0
    while caught < 3:
        try:
            spin()
        except BaseException:
            caught += 1
    return caught

def translate():
    try:
        spin()
    except BaseException as e:
        raise ValueError("stopped") from e
`)
	var n int
	err := rt.Call(deadline(t, 5*time.Millisecond), "stubborn", &n)
	require.NoError(t, err, "it is raised again and again; what is returned in time counts")
	require.Equal(t, 3, n)
	err = rt.Call(deadline(t, 5*time.Millisecond), "translate", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, pyhost.ValueError)
}

func TestBlockingCallIsAbandoned(t *testing.T) {
	before := rt.Stats().Abandoned
	mustExec(t, "import threading\nrelease = threading.Event()\nafter = []\n"+
		"def block():\n  release.wait()\n  after.append(1)")
	start := time.Now()
	err := rt.Call(deadline(t, 10*time.Millisecond), "block", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(start), 5*time.Second)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.True(t, ce.Abandoned)
	require.ErrorContains(t, err, "still running")
	s := rt.Stats()
	require.Equal(t, before+1, s.Abandoned)
	require.Equal(t, 1, s.StillRunning)
	require.NoError(t, rt.Call(bg, "release.set", nil), "the runtime serves the next call")
	require.Eventually(t, func() bool { return rt.Stats().StillRunning == 0 },
		10*time.Second, time.Millisecond)
}

func TestAbandonedCallThatRaisesAnErrorOfGoKeepsNothing(t *testing.T) {
	mustExec(t, `
import threading
release = threading.Event()
raised = False
def block(f):
    global raised
    while True:
        try:
            release.wait()
            f()
        except BaseException as e:
            if type(e).__name__ == "Cancelled": continue
            raised = True
            raise
`)
	broken := func() error { return errors.New("nobody listens any more") }
	require.Error(t, rt.Call(bg, "exec", nil, "f()", map[string]any{"f": broken}))
	mustExec(t, "import gc; gc.collect()")
	live := cgo.LiveValues()
	err := rt.Call(deadline(t, 10*time.Millisecond), "block", nil, broken)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.True(t, ce.Abandoned)
	require.NoError(t, rt.Call(bg, "release.set", nil))
	require.Eventually(t, func() bool { return rt.Stats().StillRunning == 0 }, waitLong, waitTick)
	mustExec(t, "assert raised; gc.collect()") // gives back what was let go meanwhile
	mustExec(t, "pass")
	if freeThreaded() {
		forgotten(t)
	}
	require.LessOrEqual(t, cgo.LiveValues(), live)
}

func TestCancelBeforeItBegins(t *testing.T) {
	ctx, stop := context.WithCancel(bg)
	stop()
	mustExec(t, "ran = []")
	for range 100 {
		err := rt.Call(ctx, "ran.append", nil, 1)
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.NoError(t, rt.Do(bg, func(*pyhost.Thread) error {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { require.ErrorIs(t, rt.Exec(ctx, "ran.append(2)"), context.Canceled) })
		}
		wg.Wait() // they cannot get the GIL: none of them waits for it
		return nil
	}))
	n, err := pyhost.Eval[int](bg, rt, "ran.count(2)")
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestCancelInsideDo(t *testing.T) {
	mustExec(t, "def spin():\n  while True: pass")
	err := rt.Do(deadline(t, 10*time.Millisecond), func(th *pyhost.Thread) error {
		main, err := th.Import("__main__")
		require.NoError(t, err)
		_, err = main.Call("spin")
		return err
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	err = rt.Do(bg, func(*pyhost.Thread) error {
		return rt.Call(deadline(t, 10*time.Millisecond), "spin", nil)
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, rt.Exec(bg, "for i in range(10000): pass"))
}

// A thousand calls whose deadline comes at any moment, beside calls that must not notice.
func TestLateCancellationHitsNobodyElse(t *testing.T) {
	mustExec(t, "def work(n):\n  for i in range(n): pass\n  return n")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 250 {
				ctx, stop := context.WithTimeout(bg, time.Duration(i%50)*20*time.Microsecond)
				err := rt.Call(ctx, "work", nil, 200*(g+1))
				stop()
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
				n, err := pyhost.Call[int](bg, rt, "work", 100)
				require.NoError(t, err)
				require.Equal(t, 100, n)
			}
		})
	}
	wg.Wait()
	require.Eventually(t, func() bool { return rt.Stats().StillRunning == 0 },
		10*time.Second, time.Millisecond)
}
