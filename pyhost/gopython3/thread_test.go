//go:build gopython3

package gopython3_test

import (
	"io"
	"runtime"
	"testing"

	python3 "github.com/DataDog/go-python3"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
	"github.com/pyhost/pyhost/subinterp"
)

// The pairs that go-python3 code holds the GIL by work inside Do, in the right interpreter.
func TestPairsInsideDo(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		require.NoError(t, rt.Exec(bg, "mine = 1"))
		do(t, rt, func() {
			state := python3.PyThreadState_Get()
			for range 3 {
				gil := python3.PyGILState_Ensure()
				require.Same(t, state, python3.PyThreadState_Get())
				require.True(t, python3.PyImport_AddModule("__main__").HasAttrString("mine"))
				python3.PyGILState_Release(gil)
			}
			python3.PyEval_RestoreThread(python3.PyEval_SaveThread())
			gil := python3.PyGILState_Ensure()
			saved := python3.PyEval_SaveThread()
			python3.PyEval_RestoreThread(saved)
			python3.PyGILState_Release(gil)
		})
		clean(t, rt)
	})
}

// Code that has not moved yet attaches by itself, on a thread of its own.
func TestOutsideOfDo(t *testing.T) {
	done := make(chan bool)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		gil := python3.PyGILState_Ensure()
		defer python3.PyGILState_Release(gil)
		done <- python3.PyImport_AddModule("__main__") != nil
	}()
	require.True(t, <-done)
	clean(t, mainRT)
}

func TestCodeThatDetachesForGood(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		onOneThread(t)
		err := gopython3.Do(bg, rt, func() error {
			python3.PyEval_SaveThread()
			return nil
		})
		require.ErrorIs(t, err, pyhost.RuntimeError)
		require.ErrorContains(t, err, "PyEval_SaveThread")
		clean(t, rt)
	})
}

// A panic between SaveThread and RestoreThread is what happens, not what go-python3 code can do
// something about.
func TestAPanicWhileDetached(t *testing.T) {
	onOneThread(t)
	require.PanicsWithValue(t, "stop", func() {
		_ = gopython3.Do(bg, mainRT, func() error {
			state := python3.PyEval_SaveThread()
			defer python3.PyEval_RestoreThread(state)
			panic("stop")
		})
	})
	clean(t, mainRT)
	require.PanicsWithValue(t, "stop", func() {
		_ = gopython3.Do(bg, mainRT, func() error {
			python3.PyEval_SaveThread()
			panic("stop")
		})
	})
	clean(t, mainRT)
}

func TestPyhostBetweenSaveAndRestore(t *testing.T) {
	require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value("text")
		require.NoError(t, err)
		state := python3.PyEval_SaveThread()
		_, use := o.Str()
		call := mainRT.Call(bg, "len", nil, "four")
		_, number := pyhost.Call[int](bg, mainRT, "len", "four")
		nested := gopython3.Do(bg, mainRT, func() error { panic("ran") })
		python3.PyEval_RestoreThread(state)
		for _, err := range []error{use, call, number, nested} {
			require.ErrorIs(t, err, pyhost.ErrWrongThread)
		}
		return nil
	}))
	clean(t, mainRT)
}

func TestObjectsOutsideOfTheirThread(t *testing.T) {
	panics := func(want error, fn func()) {
		t.Helper()
		defer func() {
			t.Helper()
			err, _ := recover().(error)
			require.ErrorIs(t, err, want)
		}()
		fn()
	}
	var late *pyhost.Object
	var released *pyhost.Thread
	require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
		var err error
		released = th
		late, err = th.Value(1)
		p := gopython3.PyObject(late)
		require.NoError(t, th.Detach(func() {
			panics(pyhost.ErrWrongThread, func() { gopython3.Object(th, p) })
			panics(pyhost.ErrWrongThread, func() { gopython3.PyObject(late) })
			require.ErrorIs(t, th.Pending(), pyhost.ErrWrongThread)
		}))
		return err
	}))
	panics(pyhost.ErrReleased, func() { gopython3.PyObject(late) })
	panics(pyhost.ErrReleased, func() { gopython3.Object(released, python3.Py_None) })
	require.ErrorIs(t, released.Pending(), pyhost.ErrReleased)
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

var _ io.Writer = writer(nil)

// From Go to Python, to Go, and to Python by go-python3: into the same interpreter, and another.
func TestDoInsideACallback(t *testing.T) {
	var rt *pyhost.Runtime
	var same, other, failed error
	out := writer(func(p []byte) (int, error) {
		if string(p) != "hello" {
			return len(p), nil
		}
		sum := func() error {
			n := python3.PyLong_FromGoInt(20)
			defer n.DecRef()
			require.Equal(t, 20, python3.PyLong_AsLong(n))
			return nil
		}
		same = gopython3.Do(bg, rt, sum)
		other = gopython3.Do(bg, mainRT, sum)
		failed = gopython3.Do(bg, rt, func() error {
			fail(t)
			return nil
		})
		return len(p), nil
	})
	rt, err := subinterp.New(bg, mainRT, subinterp.Config{Stdout: out, GIL: subinterp.SharedGIL})
	require.NoError(t, err)
	require.NoError(t, gopython3.Do(bg, rt, func() error {
		require.Zero(t, python3.PyRun_SimpleString("print('hello', end='', flush=True)"))
		return nil
	}))
	require.NoError(t, same)
	require.NoError(t, other)
	require.ErrorIs(t, failed, pyhost.ValueError)
	clean(t, rt)
	require.NoError(t, rt.Close())
	require.ErrorIs(t, gopython3.Do(bg, rt, func() error { return nil }), pyhost.ErrClosed)
}
