package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func TestOutput(t *testing.T) {
	want, err := os.ReadFile("../testdata/output.txt")
	require.NoError(t, err)
	out, err := clitest.Output(t)
	require.NoError(t, err, out)
	require.Equal(t, string(want), out)
}
