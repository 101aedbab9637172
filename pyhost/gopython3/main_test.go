//go:build gopython3

package gopython3_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	python3 "github.com/DataDog/go-python3"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
	"github.com/pyhost/pyhost/subinterp"
)

// mainRT is the main interpreter, which all tests share.
var mainRT *pyhost.Runtime

var bg = context.Background()

func TestMain(m *testing.M) {
	if os.Getenv("PYHOST_TEST_CHILD") != "" {
		python3.Py_Initialize()
		_, err := pyhost.Open(pyhost.Config{})
		fmt.Println(err)
		return
	}
	os.Exit(run(m))
}

func TestOpenAfterPyInitialize(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PYHOST_TEST_CHILD=1")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "another package has started Python in this process")
}

func run(m *testing.M) int {
	var err error
	if mainRT, err = pyhost.Open(pyhost.Config{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := mainRT.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// each runs a test on every kind of runtime that this Python has.
func each(t *testing.T, test func(t *testing.T, rt *pyhost.Runtime)) {
	kinds := map[string]subinterp.GIL{"shared GIL": subinterp.SharedGIL}
	if mainRT.Info().Python.Version >= "3.13" { // of two digits each: 3.10 is the oldest
		kinds["own GIL"] = subinterp.OwnGIL
	}
	t.Run("main", func(t *testing.T) { test(t, mainRT) })
	for name, gil := range kinds {
		t.Run(name, func(t *testing.T) {
			rt, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
			require.NoError(t, err)
			test(t, rt)
			require.NoError(t, rt.Close())
		})
	}
}

func do(t *testing.T, rt *pyhost.Runtime, fn func()) {
	t.Helper()
	require.NoError(t, gopython3.Do(bg, rt, func() error {
		fn()
		return nil
	}))
}

// builtin is a function of builtins, borrowed. The caller is attached.
func builtin(t *testing.T, name string) *python3.PyObject {
	t.Helper()
	dict := python3.PyEval_GetBuiltins()
	require.NotNil(t, dict)
	fn := python3.PyDict_GetItemString(dict, name)
	require.NotNil(t, fn)
	return fn
}

// fail leaves an exception set: ValueError of int("x").
func fail(t *testing.T) {
	t.Helper()
	text := python3.PyUnicode_FromString("x")
	defer text.DecRef()
	require.Nil(t, builtin(t, "int").CallFunctionObjArgs(text))
	require.NotNil(t, python3.PyErr_Occurred())
}
