package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func TestHello(t *testing.T) {
	out, err := clitest.Output(t)
	require.NoError(t, err, out)
	require.Regexp(t, `^Hello from Python 3\.\d+\.\S+ <nil>\n$`, out)
}
