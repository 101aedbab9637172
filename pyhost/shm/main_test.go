//go:build linux

package shm_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/pyhost/shm"
)

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

// pythons are executables, one of each version that this machine has, in plain processes: no
// libpython is needed. The newest are first as Discover finds them.
func pythons(t testing.TB) map[string]string {
	found := map[string]string{}
	for _, p := range pyhost.Discover(context.Background()) {
		var minor int
		_, err := fmt.Sscanf(p.Version, "3.%d", &minor)
		if err != nil || minor < 10 || p.Executable == "" {
			continue
		}
		version := fmt.Sprintf("3.%d", minor)
		if p.FreeThreaded {
			version += "t"
		}
		if found[version] == "" {
			found[version] = p.Executable
		}
	}
	require.NotEmpty(t, found, "no python3 of 3.10 or later")
	return found
}

// eachPython runs the test with every version.
func eachPython(t *testing.T, test func(t *testing.T, exe string)) {
	for version, exe := range pythons(t) {
		t.Run(version, func(t *testing.T) { test(t, exe) })
	}
}

// python runs a script, with pyhost_shm importable, and returns what it prints.
func python(t testing.TB, exe, script string, args ...string) string {
	t.Helper()
	p := startPython(t, exe, script, args...)
	out, err := io.ReadAll(p.out)
	require.NoError(t, err)
	p.wait(t)
	return string(out)
}

func mustCreate(t testing.TB, size int) *shm.Segment {
	t.Helper()
	s, err := shm.Create("", size)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.Close()
		_ = s.Unlink()
	})
	return s
}

func exists(name string) bool {
	_, err := os.Lstat(filepath.Join("/dev/shm", name))
	return err == nil
}

// ownName is of this process alone.
func ownName(what string) string { return fmt.Sprintf("pyhost-test-%s-%d", what, os.Getpid()) }
