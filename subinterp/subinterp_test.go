package subinterp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

func TestCalls(t *testing.T) {
	each(t, subinterp.Config{Setup: "x = 20"}, func(t *testing.T, rt *pyhost.Runtime) {
		n, err := pyhost.Eval[int](bg, rt, "x + 1")
		require.NoError(t, err)
		require.Equal(t, 21, n)
		require.NotZero(t, rt.Info().Interpreter)
	})
}
