package isolation_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/pyhost/isolation"
)

var bg = context.Background()

// mainRT is the main interpreter, which the tests share.
var mainRT *pyhost.Runtime

// programs are programs of their own: the test binary runs itself again with one of them.
var programs = map[string]func() error{}

const programVar = "PYHOST_TEST_PROGRAM"

func TestMain(m *testing.M) {
	run := func() error { return programs[os.Getenv(programVar)]() }
	if os.Getenv(programVar) == "" {
		run = func() error { return tests(m) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func tests(m *testing.M) (err error) {
	if mainRT, err = pyhost.Open(pyhost.Config{}); err != nil {
		return err
	}
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	return mainRT.Close()
}

// program runs one and gives what it prints.
func program(t *testing.T, name string) string {
	t.Helper()
	require.Contains(t, programs, name)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), programVar+"="+name)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func minor() (n int) {
	_, _ = fmt.Sscanf(mainRT.Info().Python.Version, "3.%d", &n)
	return n
}

func freeThreaded() bool { return mainRT.Info().Python.FreeThreaded }

// kinds are those that this Python has.
func kinds() []isolation.Isolation {
	k := []isolation.Isolation{isolation.Auto, isolation.Goroutines, isolation.Processes}
	if !freeThreaded() {
		k = append(k, isolation.SharedGIL)
	}
	if !freeThreaded() && minor() >= 13 {
		k = append(k, isolation.OwnGIL)
	}
	return k
}

// each runs a test on runtimes of each kind.
func each(t *testing.T, cfg isolation.Config,
	fn func(t *testing.T, r *isolation.Runtimes)) {
	t.Helper()
	cfg.Main = mainRT
	for _, kind := range kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			cfg.Isolation = kind
			r, err := isolation.Start(bg, cfg)
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			fn(t, r)
		})
	}
}
