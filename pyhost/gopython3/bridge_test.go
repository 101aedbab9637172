//go:build gopython3

package gopython3_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	python3 "github.com/DataDog/go-python3"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
)

func TestTheLinkedLibpythonIsTheOne(t *testing.T) {
	version, err := pyhost.Call[string](bg, mainRT, "platform.python_version")
	require.NoError(t, err)
	require.Regexp(t, `^`+version+`\+? `, python3.Py_GetVersion())
	require.Contains(t, filepath.Base(mainRT.Info().Python.Libpython), "libpython3.")
}

// Code as go-python3's documentation has it: new references are given back, borrowed ones are not.
func TestCodeOfGoPython3(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		do(t, rt, func() {
			list := python3.PyList_New(0)
			defer list.DecRef()
			for i := range 10 {
				n := python3.PyLong_FromGoInt(i)
				require.Zero(t, python3.PyList_Append(list, n))
				n.DecRef()
			}
			sum := builtin(t, "sum").CallFunctionObjArgs(list)
			require.NotNil(t, sum)
			defer sum.DecRef()
			require.Equal(t, 45, python3.PyLong_AsLong(sum))
		})
	})
}

func TestObjectsPassBothWays(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
			theirs := python3.PyList_New(0)
			o := gopython3.Object(th, theirs)
			theirs.DecRef() // o has its own reference
			_, err := o.Call("append", map[string]any{"a": []int{1, 2}})
			require.NoError(t, err)
			require.Same(t, theirs, gopython3.PyObject(o))
			require.Equal(t, 1, python3.PyList_Size(gopython3.PyObject(o)))
			var back []map[string][]int
			require.NoError(t, o.Decode(&back))
			require.Equal(t, []map[string][]int{{"a": {1, 2}}}, back)

			ours, err := th.Value("text")
			require.NoError(t, err)
			require.Equal(t, "text", python3.PyUnicode_AsUTF8(gopython3.PyObject(ours)))
			again := gopython3.Object(th, gopython3.PyObject(ours))
			n, err := pyhost.Call[int](bg, rt, "len", again)
			require.Equal(t, 4, n)
			return err
		}))
	})
}

// A Ref outlives Do, and comes back as an object that go-python3 can use.
func TestARefComesBack(t *testing.T) {
	var ref *pyhost.Ref
	require.NoError(t, mainRT.Eval(bg, "[7]", &ref))
	defer ref.Close()
	require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(ref)
		require.NoError(t, err)
		item := python3.PyList_GetItem(gopython3.PyObject(o), 0)
		require.Equal(t, 7, python3.PyLong_AsLong(item))
		return nil
	}))
}

func TestNilIsNil(t *testing.T) {
	require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
		require.Nil(t, gopython3.Object(th, nil))
		require.Nil(t, gopython3.PyObject(nil))
		return nil
	}))
}

func TestReferencesBalance(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		require.NoError(t, rt.Exec(bg, "import sys\nclass C: pass\nc = C()"))
		count := func() int {
			n, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(c)")
			require.NoError(t, err)
			return n
		}
		before := count()
		for range 1000 {
			require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
				m, err := th.Import("__main__")
				require.NoError(t, err)
				c := gopython3.PyObject(m).GetAttrString("c") // ours
				defer c.DecRef()
				require.Same(t, c, gopython3.PyObject(gopython3.Object(th, c)))
				return nil
			}))
		}
		require.Equal(t, before, count())
	})
}

func TestManyGoroutines(t *testing.T) {
	each(t, func(t *testing.T, rt *pyhost.Runtime) {
		require.NoError(t, rt.Exec(bg, "seen = []"))
		const goroutines, rounds = 100, 20
		var all sync.WaitGroup
		errs := make(chan error, goroutines)
		for g := range goroutines {
			all.Go(func() {
				for i := range rounds {
					if err := appendSeen(rt, g*rounds+i); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		close(errs)
		require.NoError(t, <-errs)
		n, err := pyhost.Eval[int](bg, rt, "len(set(seen))")
		require.NoError(t, err)
		require.Equal(t, goroutines*rounds, n)
	})
}

func appendSeen(rt *pyhost.Runtime, n int) error {
	return gopython3.Do(bg, rt, func() error {
		seen := python3.PyImport_AddModule("__main__").GetAttrString("seen")
		if seen == nil {
			return nil
		}
		defer seen.DecRef()
		runtime.Gosched() // the goroutine stays on its thread
		item := python3.PyLong_FromGoInt(n)
		defer item.DecRef()
		if python3.PyList_Append(seen, item) != 0 {
			return fmt.Errorf("append %d", n)
		}
		return nil
	})
}
