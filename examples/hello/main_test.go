package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the program itself when asked.
func TestMain(m *testing.M) {
	if os.Getenv("PYHOST_TEST_HELLO") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestHello(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PYHOST_TEST_HELLO=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `^Hello from Python 3\.\d+\.\S+ <nil>\n$`, string(out))
}
