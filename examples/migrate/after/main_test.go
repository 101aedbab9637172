package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the program itself when asked.
func TestMain(m *testing.M) {
	if os.Getenv("PYHOST_TEST_MIGRATE") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestOutput(t *testing.T) {
	want, err := os.ReadFile("../testdata/output.txt")
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PYHOST_TEST_MIGRATE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, string(want), string(out))
}
