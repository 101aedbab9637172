//go:build linux

package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/pyhost/process"
)

var bg = context.Background()

// programs are programs of their own: the test binary runs itself again with one of them.
var programs = map[string]func() error{}

const programVar = "PYHOST_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(programVar); name != "" {
		if err := programs[name](); err != nil {
			fmt.Fprintln(os.Stderr, "program failed:", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func program(t testing.TB, name string) *exec.Cmd {
	t.Helper()
	require.Contains(t, programs, name)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programVar+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// start starts a runtime that is closed with the test, without an error.
func start(t testing.TB, cfg process.Config) *process.Runtime {
	t.Helper()
	rt, err := process.Start(bg, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rt.Close()) })
	return rt
}

func minor(rt *process.Runtime) (n int) {
	_, _ = fmt.Sscanf(strings.TrimPrefix(rt.Info().Python.Version, "3."), "%d", &n)
	return n
}

// writer is an io.Writer of a function.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
