package pyhost_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func needNumpy(t *testing.T) {
	t.Helper()
	if err := rt.Exec(bg, "import numpy"); err != nil {
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		t.Skip("numpy is not installed for this Python")
	}
}

// The main interpreter loads extension modules as python itself does.
func TestNumpy(t *testing.T) {
	needNumpy(t)
	require.NoError(t, rt.Exec(bg, "import numpy as np\n"+
		"def norm(v): return np.linalg.norm(np.asarray(v))\n"+
		"def square(n): a = np.ones((n, n)); return float((a @ a).sum())"))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			n, err := pyhost.Call[float64](bg, rt, "norm", []float64{3, 4})
			require.NoError(t, err)
			require.InDelta(t, 5, n, 0)
			sum, err := pyhost.Call[float64](bg, rt, "square", 100)
			require.NoError(t, err)
			require.InDelta(t, 1e6, sum, 0)
		})
	}
	wg.Wait()
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		np, err := th.Import("numpy")
		require.NoError(t, err)
		a, err := np.Call("arange", 12, pyhost.Kw{"dtype": "float64"})
		require.NoError(t, err)
		a, err = a.Call("reshape", 3, 4)
		require.NoError(t, err)
		list, err := a.Call("tolist")
		require.NoError(t, err)
		var rows [3][4]float64
		require.NoError(t, list.Decode(&rows))
		require.InDelta(t, 11, rows[2][3], 0)
		_, err = np.Call("linalg.inv")
		require.Error(t, err)
		return nil
	}))
}

// Python has no number for these: they become the nearest, with both of their parts.
func TestNumpyLongNumbers(t *testing.T) {
	needNumpy(t)
	mustExec(t, "import numpy as np")
	x, err := pyhost.Eval[[]complex128](bg, rt, "np.array([1 + 2j, 3], dtype='clongdouble')")
	require.NoError(t, err)
	require.Equal(t, []complex128{1 + 2i, 3}, x)
	_, err = pyhost.Eval[[]float64](bg, rt, "np.array([1 + 2j], dtype='clongdouble')")
	require.ErrorContains(t, err, "complex into float64")
	y, err := pyhost.Eval[[]float64](bg, rt, "np.array([1.5], dtype='longdouble')")
	require.NoError(t, err)
	require.Equal(t, []float64{1.5}, y)
}
