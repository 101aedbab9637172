package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const closeTimeout = 400 * time.Millisecond

// quick is for tests that wait for CloseTimeout, or hope not to.
var quick = pyhost.Config{CloseTimeout: closeTimeout, Grace: 50 * time.Millisecond}

// patient is for tests in which nothing should have to be cancelled, on a busy machine too.
var patient = pyhost.Config{CloseTimeout: 20 * time.Second}

func init() {
	inChild("close/later use", laterUse)
	inChild("close/concurrent", concurrentClose)
	inChild("close/calls end", callsEnd)
	inChild("close/waiting", waitingAtTheGate)
	inChild("close/endless", endlessCall)
	inChild("close/pending", pendingCancellation)
	inChild("close/blocked", blockedCall)
	inChild("close/abandoned", abandonedCall)
	inChild("close/abandoned for ever", abandonedForEver)
	inChild("close/import", closeDuringImport)
	inChild("close/crowd", closeInACrowd)
	inChild("close/refs", refsOutliveClose)
}

func TestClose(t *testing.T) {
	for name := range children {
		what, ok := strings.CutPrefix(name, "close/")
		if !ok {
			continue
		}
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			out, errs := apart(t, name)
			require.Empty(t, errs)
			require.Equal(t, what == "endless", out == "goodbye\n")
		})
	}
}

// closing begins a Close and returns when calls are refused.
func closing(t require.TestingT, rt *pyhost.Runtime) <-chan error {
	closed := make(chan error, 1)
	go func() { closed <- rt.Close() }()
	for rt.Exec(bg, "pass") == nil {
		runtime.Gosched()
	}
	require.ErrorIs(t, rt.Exec(bg, "pass"), pyhost.ErrClosed)
	return closed
}

// running starts fn and waits until Python code in it has set the event of that name.
func running(t require.TestingT, rt *pyhost.Runtime, event string, fn func()) {
	require.NoError(t, rt.Exec(bg, "import threading\n"+event+" = threading.Event()"))
	go fn()
	require.NoError(t, rt.Call(bg, event+".wait", nil))
}

func leak(t require.TestingT, err error) *pyhost.LeakError {
	var le *pyhost.LeakError
	require.ErrorAs(t, err, &le)
	return le
}

func laterUse(t require.TestingT) {
	rt := mustOpen(t, patient)
	var ref *pyhost.Ref
	var obj *pyhost.Object
	var lease *pyhost.Thread
	require.NoError(t, rt.Eval(bg, "len", &ref))
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) (err error) {
		lease = th
		obj, err = th.Value("x")
		return err
	}))
	ns, err := rt.NewNamespace(bg)
	require.NoError(t, err)
	abs, err := pyhost.Func[func(int) (int, error)](rt, "abs")
	require.NoError(t, err)
	require.NoError(t, rt.Close())
	require.NoError(t, rt.Close())
	ctx, stop := context.WithCancel(bg)
	defer stop()
	for _, ctx := range []context.Context{bg, ctx} {
		require.ErrorIs(t, rt.Exec(ctx, "1"), pyhost.ErrClosed)
		require.ErrorIs(t, rt.Eval(ctx, "1", nil, pyhost.Scope{Namespace: ns}), pyhost.ErrClosed)
		require.ErrorIs(t, rt.Call(ctx, "len", nil, ref), pyhost.ErrClosed)
		require.ErrorIs(t, rt.Do(ctx, nil), pyhost.ErrClosed)
		_, err = rt.Acquire(ctx)
		require.ErrorIs(t, err, pyhost.ErrClosed)
		require.ErrorIs(t, ref.Call(ctx, nil, "x"), pyhost.ErrClosed)
		require.ErrorIs(t, ref.Decode(ctx, new(any)), pyhost.ErrClosed)
		_, err = rt.NewNamespace(ctx)
		require.ErrorIs(t, err, pyhost.ErrClosed)
	}
	_, err = abs(1)
	require.ErrorIs(t, err, pyhost.ErrClosed)
	require.ErrorIs(t, obj.Decode(new(any)), pyhost.ErrReleased)
	_, err = lease.Import("sys")
	require.ErrorIs(t, err, pyhost.ErrReleased)
	lease.Release()
	ref.Close()
	ns.Close()
	require.NotEmpty(t, rt.Info().Python.Version)
	require.Zero(t, rt.Stats().Inside)
}

func concurrentClose(t require.TestingT) {
	rt := mustOpen(t, patient)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			require.NoError(t, rt.Close())
			require.ErrorIs(t, rt.Exec(bg, "1"), pyhost.ErrClosed)
		})
	}
	wg.Wait()
}

func callsEnd(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, "import os"))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	var got string
	failed := make(chan error, 1)
	running(t, rt, "started", func() {
		expr := fmt.Sprintf("(started.set(), os.read(%d, 1))[1].decode()", r.Fd())
		failed <- rt.Eval(bg, expr, &got)
	})
	closed := closing(t, rt)
	_, err = w.WriteString("x")
	require.NoError(t, err)
	require.NoError(t, <-failed)
	require.Equal(t, "x", got)
	require.NoError(t, <-closed)
}

func waitingAtTheGate(t require.TestingT) {
	cfg := patient
	cfg.MaxThreads = 1
	rt := mustOpen(t, cfg)
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { require.ErrorIs(t, rt.Exec(bg, "1"), pyhost.ErrClosed) })
	}
	for rt.Stats().Waiting < 50 {
		runtime.Gosched()
	}
	closed := make(chan error)
	go func() { closed <- rt.Close() }()
	wg.Wait()
	th.Release()
	require.NoError(t, <-closed)
}

const goodbye = "import atexit\natexit.register(print, 'goodbye')\n"

func endlessCall(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{CloseTimeout: time.Second})
	failed := make(chan error, 1)
	require.NoError(t, rt.Exec(bg, goodbye))
	running(t, rt, "started", func() { failed <- rt.Exec(bg, "started.set()\nwhile True: x = 1") })
	require.NoError(t, rt.Close())
	err := <-failed
	require.ErrorIs(t, err, pyhost.BaseException)
	require.ErrorIs(t, err, pyhost.ErrClosed)
}

// The exception that cancels is still to be raised when the call ends, for it ran no Python code:
// it must not hit what Close itself runs there.
func pendingCancellation(t require.TestingT) {
	rt := mustOpen(t, quick)
	var slow sync.WaitGroup
	for range 3 {
		slow.Go(func() { _ = rt.Call(bg, "time.sleep", nil, 1.5*closeTimeout.Seconds()) })
	}
	for rt.Stats().Inside < 3 {
		runtime.Gosched()
	}
	require.NoError(t, rt.Close())
	slow.Wait()
}

func blockedCall(t require.TestingT) {
	rt := mustOpen(t, quick)
	go func() { _ = rt.Call(bg, "time.sleep", nil, 1e6) }()
	for rt.Stats().Inside < 1 {
		runtime.Gosched()
	}
	begin := time.Now()
	err := rt.Close()
	require.Equal(t, 1, leak(t, err).Inside)
	require.ErrorContains(t, err, "1 call did not end")
	require.Less(t, time.Since(begin), 20*closeTimeout)
	require.Equal(t, err, rt.Close())
	require.ErrorIs(t, rt.Exec(bg, "1"), pyhost.ErrClosed)
	_, err = pyhost.Open(quick)
	require.ErrorIs(t, err, pyhost.ErrFinalized)
}

// abandon leaves a call that waits for a byte in the pipe.
func abandon(t require.TestingT, rt *pyhost.Runtime) (w *os.File) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	ctx, stop := context.WithCancel(bg)
	failed := make(chan error, 1)
	running(t, rt, "started", func() {
		failed <- rt.Exec(ctx, fmt.Sprintf("import os\nstarted.set()\nos.read(%d, 1)", r.Fd()))
	})
	stop()
	var ce *pyhost.CancelError
	require.ErrorAs(t, <-failed, &ce)
	require.True(t, ce.Abandoned)
	return w
}

func abandonedCall(t require.TestingT) {
	cfg := patient
	cfg.Grace = time.Millisecond
	rt := mustOpen(t, cfg)
	require.NoError(t, abandon(t, rt).Close()) // ends before Close
	w := abandon(t, rt)
	closed := closing(t, rt)
	require.NoError(t, w.Close()) // and during it
	require.NoError(t, <-closed)
}

func abandonedForEver(t require.TestingT) {
	rt := mustOpen(t, quick)
	w := abandon(t, rt)
	require.Equal(t, 1, leak(t, rt.Close()).Inside)
	require.NoError(t, w.Close())
	for rt.Stats().StillRunning > 0 { // it ends after Close gave up
		runtime.Gosched()
	}
	require.ErrorIs(t, rt.Exec(bg, "1"), pyhost.ErrClosed)
}

func closeDuringImport(t require.TestingT) {
	rt := mustOpen(t, patient)
	failed := make(chan error, 1)
	running(t, rt, "started", func() {
		failed <- rt.Exec(bg, "started.set()\n"+
			"import asyncio, email.mime.text, http.server, unittest")
	})
	require.NoError(t, rt.Close())
	require.NoError(t, <-failed)
}

func closeInACrowd(t require.TestingT) {
	rt := mustOpen(t, quick)
	require.NoError(t, rt.Exec(bg, "def work(n):\n  for i in range(n): pass\n  return n"))
	var calls atomic.Int64
	var wg sync.WaitGroup
	for g := range 1000 {
		wg.Go(func() {
			for {
				err := oneCall(rt, g)
				if errors.Is(err, pyhost.ErrClosed) {
					return
				}
				calls.Add(1)
				if err != nil {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			}
		})
	}
	for calls.Load() < 2000 {
		runtime.Gosched()
	}
	require.NoError(t, rt.Close())
	wg.Wait()
}

func oneCall(rt *pyhost.Runtime, g int) error {
	ctx, stop := bg, func() {}
	if g%3 == 0 {
		ctx, stop = context.WithTimeout(bg, time.Duration(g)*time.Microsecond)
	}
	defer stop()
	if g%5 == 0 {
		return rt.Do(ctx, func(*pyhost.Thread) error { return nil })
	}
	return rt.Call(ctx, "work", nil, g)
}

func refsOutliveClose(t require.TestingT) {
	rt := mustOpen(t, patient)
	refs := make([]*pyhost.Ref, 100)
	for i := range refs {
		require.NoError(t, rt.Eval(bg, "object()", &refs[i]))
	}
	require.NoError(t, rt.Close())
	for _, r := range refs[:50] {
		r.Close()
	}
	runtime.KeepAlive(refs) // and not after
	for range 5 {
		runtime.GC()
	}
	require.ErrorIs(t, rt.Exec(bg, "1"), pyhost.ErrClosed)
}
