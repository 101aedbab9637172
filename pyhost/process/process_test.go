package process_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func TestCall(t *testing.T) {
	rt := start(t, process.Config{Setup: "def add(a, b): return a + b"})
	require.NotEqual(t, os.Getpid(), rt.Info().Pid)
	sum, err := pyhost.Call[int](bg, rt, "add", 1, 2)
	require.NoError(t, err)
	require.Equal(t, 3, sum)
}
