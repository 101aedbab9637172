package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// A bool in Go is 0 or 1: another byte would be neither true nor false.
func TestViewOfOddBools(t *testing.T) {
	for _, expr := range []string{"memoryview(bytearray([2, 255, 1, 0] * 5)).cast('?')",
		"memoryview(bytearray([2, 2, 255, 1, 1, 0, 0, 2] * 5)).cast('?')[::2]"} {
		var ref *pyhost.Ref
		require.NoError(t, rt.Eval(bg, expr, &ref))
		v, err := pyhost.ViewOf[bool](bg, ref)
		require.NoError(t, err)
		require.True(t, v.Copied)
		for i, b := range v.Data {
			require.Equal(t, i%4 != 3, b)
			require.Equal(t, i%4 != 3, b == true)
		}
		v.Release()
		_, err = pyhost.WritableViewOf[bool](bg, ref)
		require.ErrorContains(t, err, "copied")
		ref.Close()
	}
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "memoryview(bytearray([0, 1] * 9)).cast('?')", &ref))
	defer ref.Close()
	v, err := pyhost.WritableViewOf[bool](bg, ref)
	require.NoError(t, err)
	defer v.Release()
	require.False(t, v.Copied)
	require.Len(t, v.Data, 18)
}

func TestArraysWithoutItems(t *testing.T) {
	for _, shape := range [][]int{{1000, 0}, {0, 1000}, {3, 0, 5}, {200_000, 0}} {
		b, err := pyhost.NewBuffer([]float64{}, shape...)
		require.NoError(t, err)
		var plain any
		require.NoError(t, rt.Call(bg, "_pyhost.same", &plain, b))
		switch len(shape) {
		case 2:
			rows, err := pyhost.Call[[][]float64](bg, rt, "memoryview", b)
			require.NoError(t, err)
			require.Len(t, rows, shape[0])
		case 3:
			rows, err := pyhost.Call[[][][]float64](bg, rt, "memoryview", b)
			require.NoError(t, err)
			require.Equal(t, [][][]float64{{}, {}, {}}, rows)
		}
		plain.(*pyhost.Ref).Close()
		require.NoError(t, b.Close())
	}
}
