package subinterp_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

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
