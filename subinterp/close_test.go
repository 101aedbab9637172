package subinterp_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// writer is a buffer that several goroutines write to.
type writer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *writer) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

var quick = subinterp.Config{CloseTimeout: 500 * time.Millisecond, Grace: 50 * time.Millisecond}

func TestSetupThatFails(t *testing.T) {
	before := mainRT.Stats().ThreadStates
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			for code, want := range map[string]error{
				"raise ValueError('x')":   pyhost.ValueError,
				"import sys; sys.exit(3)": pyhost.SystemExit,
				"while True: pass":        context.DeadlineExceeded,
				"import threading; threading.Thread(target=print, args='x').start()\n" +
					"1/0": pyhost.ZeroDivisionError,
				"x = (": pyhost.SyntaxError,
			} {
				limit := time.Minute
				if want == context.DeadlineExceeded { //nolint:errorlint // one of the table
					limit = 300 * time.Millisecond
				}
				ctx, stop := context.WithTimeout(bg, limit)
				_, err := subinterp.New(ctx, mainRT, subinterp.Config{GIL: gil, Setup: code,
					Stdout: new(writer), Grace: time.Second})
				require.ErrorIs(t, err, want, code)
				stop()
			}
			failed := errors.New("failed")
			_, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil,
				SetupFunc: func(context.Context, *pyhost.Runtime) error { return failed }})
			require.ErrorIs(t, err, failed)
		})
	}
	require.LessOrEqual(t, mainRT.Stats().ThreadStates, before+8)
	ctx, stop := context.WithCancel(bg)
	stop()
	_, err := subinterp.New(ctx, mainRT, subinterp.Config{Setup: "1"})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCloseInAnyOrder(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			rts := make([]*pyhost.Runtime, 6)
			for i := range rts {
				var err error
				rts[i], err = subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
				require.NoError(t, err)
				exec(t, rts[i], "import json, threading")
			}
			for _, i := range []int{3, 0, 5} {
				require.NoError(t, rts[i].Close())
				require.ErrorIs(t, rts[i].Exec(bg, "1"), pyhost.ErrClosed)
			}
			var wg sync.WaitGroup
			for _, i := range []int{1, 4, 2} {
				for range 2 {
					wg.Go(func() {
						if err := rts[i].Close(); err != nil {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			exec(t, mainRT, "pass")
		})
	}
}

func TestCloseDuringCalls(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg := quick
			cfg.GIL, cfg.CloseTimeout = gil, 2*time.Second // on a busy machine too
			rt, err := subinterp.New(bg, mainRT, cfg)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					for {
						ctx, stop := context.WithTimeout(bg, time.Duration(i)*time.Millisecond)
						err := rt.Exec(ctx, "for i in range(1000): pass")
						stop()
						if errors.Is(err, pyhost.ErrClosed) {
							return
						}
					}
				})
			}
			endless := make(chan error, 1)
			go func() { endless <- rt.Exec(bg, "while True: x = 1") }()
			for rt.Stats().Calls < 100 {
				runtime.Gosched()
			}
			require.NoError(t, rt.Close())
			require.ErrorIs(t, <-endless, pyhost.ErrClosed)
			wg.Wait()
		})
	}
}

func TestCloseWithThreads(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			out := new(writer)
			rt, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil, Stdout: out,
				CloseTimeout: 4 * time.Second})
			require.NoError(t, err)
			exec(t, rt, `
import atexit, threading, time
started = threading.Barrier(3)
def spin():
    started.wait()
    while True: x = 1
def nap():
    started.wait()
    while True: time.sleep(.001)
for f in spin, nap: threading.Thread(target=f).start()
started.wait()
atexit.register(print, "goodbye")
def bad(): raise ValueError("in atexit")
atexit.register(bad)`)
			require.NoError(t, rt.Close())
			require.Equal(t, "goodbye\n", out.String())
		})
	}
}

// A call of C code that nobody can stop: the interpreter is left to it, and the rest goes on.
func TestCloseWithAnAbandonedCall(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg := quick
			cfg.GIL = gil
			rt, err := subinterp.New(bg, mainRT, cfg)
			require.NoError(t, err)
			ctx, stop := context.WithTimeout(bg, 10*time.Millisecond)
			defer stop()
			err = rt.Call(ctx, "time.sleep", nil, 2.0)
			var ce *pyhost.CancelError
			require.ErrorAs(t, err, &ce)
			require.True(t, ce.Abandoned)
			require.Equal(t, 2, eval[int](t, rt, "1 + 1"))
			var le *pyhost.LeakError
			require.ErrorAs(t, rt.Close(), &le)
			require.Equal(t, 1, le.Inside)
			exec(t, mainRT, "pass")
			for rt.Stats().StillRunning > 0 { // then the main interpreter's Close can end it
				runtime.Gosched()
			}
		})
	}
}
