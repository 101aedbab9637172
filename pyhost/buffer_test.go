package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestBufferFirst(t *testing.T) {
	data := []float64{1, 2, 3, 4, 5, 6}
	b, err := pyhost.NewBuffer(data, 2, 3)
	require.NoError(t, err)
	var s string
	require.NoError(t, rt.Call(bg, "repr", &s, b))
	t.Log(s)
	mustExec(t, "def look(b):\n m=memoryview(b)\n return [m.format, m.shape, m.strides, m.readonly, m.tolist(), m.c_contiguous, m.f_contiguous]")
	var l []any
	require.NoError(t, rt.Call(bg, "look", &l, b))
	t.Log(l)
	var back [][]float64
	require.NoError(t, rt.Call(bg, "_pyhost.same", &back, b))
	t.Log(back)
	require.NoError(t, b.Close())
}
