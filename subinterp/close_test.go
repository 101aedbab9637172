package subinterp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

func TestACallFromOneInterpreterIntoAnother(t *testing.T) {
	ctx, stop := context.WithCancel(bg)
	defer stop()
	each(t, subinterp.Config{MaxThreads: 1}, func(t *testing.T, rt *pyhost.Runtime) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := mainRT.Do(bg, func(th *pyhost.Thread) error {
					for _, ctx := range []context.Context{bg, ctx} {
						err := rt.Exec(ctx, "import decimal, time; time.sleep(.001)")
						if err != nil {
							return err
						}
						err = rt.Do(ctx, func(th *pyhost.Thread) error {
							if _, err := th.Import("datetime"); err != nil {
								return err
							}
							return mainRT.Exec(ctx, "pass")
						})
						if err != nil {
							return err
						}
					}
					_, err := th.Import("json")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.NoError(t, mainRT.Do(bg, func(*pyhost.Thread) error { // attached to another
			child, err := subinterp.New(bg, mainRT, subinterp.Config{})
			if err != nil {
				return err
			}
			return child.Close()
		}))
	})
}

// No goroutine that is attached to the main interpreter waits for a sub-interpreter.
func TestABusyMainInterpreter(t *testing.T) {
	busy := make(chan error, 1)
	exec(t, mainRT, "import threading, time; stop = False; on = threading.Event()")
	limit := 1e9
	if minor() < 13 { // a request for a shared GIL reaches the code of the same interpreter only
		limit = 1
	}
	exec(t, mainRT, fmt.Sprint("limit = time.monotonic() + ", limit))
	go func() {
		busy <- mainRT.Exec(bg, "on.set()\nwhile not stop and time.monotonic() < limit: pass")
	}()
	require.NoError(t, mainRT.Call(bg, "on.wait", nil))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			rt, err := subinterp.New(bg, mainRT, subinterp.Config{})
			if err == nil {
				err = errors.Join(rt.Exec(bg, "import decimal, sqlite3, json"), rt.Close())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	exec(t, mainRT, "stop = True")
	require.NoError(t, <-busy)
}

func TestCrowdOfInterpreters(t *testing.T) {
	modules := "import datetime, decimal, ssl, asyncio, ctypes, json, zoneinfo"
	if minor() == 12 {
		modules = "import json" // 3.12 refuses most of them in sub-interpreters
	}
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			rts := make([]*pyhost.Runtime, 24)
			for i := range rts {
				wg.Go(func() {
					rt, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil, Setup: modules})
					if err != nil {
						t.Error(err)
						return
					}
					rts[i] = rt
				})
			}
			wg.Wait()
			for i, rt := range rts {
				if rt == nil {
					continue
				}
				wg.Go(func() {
					n, err := pyhost.Call[int](bg, rt, "abs", -i)
					if err != nil || n != i {
						t.Error(n, err)
					}
					if err := rt.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestAHundredAtOnce(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			rts := make([]*pyhost.Runtime, 100)
			for i := range rts {
				var err error
				rts[i], err = subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
				require.NoError(t, err)
			}
			for i, rt := range rts {
				exec(t, rt, fmt.Sprint("mine = ", i))
			}
			for i, rt := range rts {
				require.Equal(t, i, eval[int](t, rt, "mine"))
				require.NoError(t, rt.Close())
			}
		})
	}
}

// C code that calls Python back finds the interpreter that it was called from, on a thread that has
// others open: paused, or attached around it.
func TestCallbacksOfCFindTheirInterpreter(t *testing.T) {
	exec(t, mainRT, `
import ctypes, sys, types
sys.modules["only_main"] = types.ModuleType("only_main")
def compare(a, b):
    import only_main
    found.append(1)
    return a[0] - b[0]
def callbacks(n):
    global found
    found, numbers = [], (ctypes.c_int * n)(*range(n, 0, -1))
    pointer = ctypes.POINTER(ctypes.c_int)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer)
    ctypes.CDLL(None).qsort(numbers, n, 4, kind(compare))
    return len(found) > 0 and list(numbers) == list(range(1, n + 1))
`)
	found := func() {
		t.Helper()
		var n int
		require.NoError(t, mainRT.Call(bg, "int", &n, 1)) // this thread's state of the main one
		ok, err := pyhost.Call[bool](bg, mainRT, "callbacks", 9)
		require.NoError(t, err)
		require.True(t, ok)
		var one int // the short way of numbers
		require.NoError(t, mainRT.Exec(bg, "def short(n): return int(callbacks(n))"))
		require.NoError(t, mainRT.Call(bg, "short", &one, 9))
		require.Equal(t, 1, one)
	}
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		found()
		require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
			found()
			return th.Detach(found)
		}))
		found()
	})
}
