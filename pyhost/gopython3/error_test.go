//go:build gopython3

package gopython3_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	python3 "github.com/DataDog/go-python3"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
)

// onOneThread keeps what the test does on one OS thread, whose state an exception would stay in.
func onOneThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

func TestAnExceptionIsTheError(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		onOneThread(t)
		err := gopython3.Do(bg, rt, func() error {
			require.Nil(t, python3.PyImport_ImportModule("no_such_module"))
			return nil
		})
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		var pe *pyhost.PythonError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, "No module named 'no_such_module'", pe.Message)
		require.Equal(t, "no_such_module", pe.Attrs["name"])
		clean(t, rt)
	})
}

// clean tells that no exception is set, and that calls work.
func clean(t *testing.T, rt *pyhost.Runtime) {
	t.Helper()
	do(t, rt, func() { require.Nil(t, python3.PyErr_Occurred()) })
	n, err := pyhost.Call[int](bg, rt, "len", "four")
	require.NoError(t, err)
	require.Equal(t, 4, n)
}

func TestAnErrorAndAnException(t *testing.T) {
	onOneThread(t)
	own := errors.New("no number")
	err := gopython3.Do(bg, mainRT, func() error {
		fail(t)
		return own
	})
	require.ErrorIs(t, err, own)
	require.ErrorIs(t, err, pyhost.ValueError)
	require.Same(t, own, gopython3.Do(bg, mainRT, func() error { return own }))
	clean(t, mainRT)
}

func TestAPanicTakesTheExceptionAlong(t *testing.T) {
	onOneThread(t)
	require.PanicsWithValue(t, "stop", func() {
		_ = gopython3.Do(bg, mainRT, func() error {
			fail(t)
			panic("stop")
		})
	})
	clean(t, mainRT)
}

// What is nested runs without the exception that is set, which is there again afterwards.
func TestNestedCallsPutAnExceptionAside(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		onOneThread(t)
		err := rt.Do(bg, func(th *pyhost.Thread) error {
			return gopython3.Do(bg, rt, func() error {
				fail(t)
				require.NoError(t, rt.Exec(bg, "x = [int(str(n)) for n in range(9)]"))
				n, err := pyhost.Call[int](bg, rt, "len", "four")
				require.NoError(t, err)
				require.Equal(t, 4, n)
				m, err := th.Import("json")
				require.NoError(t, err)
				s, err := m.Call("dumps", []int{1})
				require.NoError(t, err)
				require.Equal(t, "[1]", python3.PyUnicode_AsUTF8(gopython3.PyObject(s)))
				_, err = m.Call("loads", "{")
				require.ErrorIs(t, err, pyhost.ValueError)
				inner := gopython3.Do(bg, rt, func() error {
					require.Nil(t, python3.PyErr_Occurred())
					python3.PyErr_SetString(python3.PyExc_KeyError, "k")
					return nil
				})
				require.ErrorIs(t, inner, pyhost.KeyError)
				return nil
			})
		})
		require.ErrorIs(t, err, pyhost.ValueError)
		require.EqualError(t, err, "ValueError: invalid literal for int() with base 10: 'x'")
		clean(t, rt)
	})
}

// go-python3 code that runs in Runtime.Do alone: what it forgets is printed, as Python does with
// what nobody can catch, and is gone.
func TestAnExceptionForgottenOutsideOfDo(t *testing.T) {
	onOneThread(t)
	require.NoError(t, mainRT.Exec(bg, `import sys
unraisable = []
sys.unraisablehook = lambda u: unraisable.append(str(u.exc_value))`))
	require.NoError(t, mainRT.Do(bg, func(*pyhost.Thread) error {
		python3.PyErr_SetString(python3.PyExc_ValueError, "forgotten")
		return nil
	}))
	seen, err := pyhost.Eval[[]string](bg, mainRT, "unraisable")
	require.NoError(t, err)
	require.Equal(t, []string{"forgotten"}, seen)
	require.NoError(t, mainRT.Exec(bg, "sys.unraisablehook = sys.__unraisablehook__"))
	clean(t, mainRT)
}

func TestAContextThatEndsCancels(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		onOneThread(t)
		require.NoError(t, rt.Exec(bg, "def loop():\n  while True: pass"))
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		defer stop()
		err := gopython3.Do(ctx, rt, func() error {
			loop := python3.PyImport_AddModule("__main__").GetAttrString("loop")
			defer loop.DecRef()
			require.Nil(t, loop.CallFunctionObjArgs())
			return nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var ce *pyhost.CancelError
		require.ErrorAs(t, err, &ce)
		clean(t, rt)
	})
}

func TestDoIsRefusedAsRuntimeDoIs(t *testing.T) {
	never := func() error { panic("ran") }
	var none context.Context
	require.ErrorIs(t, gopython3.Do(none, mainRT, never), pyhost.ErrNilContext)
	ctx, stop := context.WithCancel(bg)
	stop()
	require.ErrorIs(t, gopython3.Do(ctx, mainRT, never), context.Canceled)
}
