package pyhost_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

// rt is the runtime that most tests share: Python starts once per process. Its Grace is long, so
// that what can be cancelled is, on a busy machine too.
var rt *pyhost.Runtime

var bg = context.Background()

// children are programs of their own: the test binary runs itself again with one of them, for what
// needs a fresh process.
var children = map[string]func() error{}

const childVar = "PYHOST_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVar); name != "" {
		if err := children[name](); err != nil {
			fmt.Fprintln(os.Stderr, "child failed:", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if rt, err = pyhost.Open(pyhost.Config{Grace: 2 * time.Second}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := rt.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// child runs one of children and returns what it printed; it must exit with 0.
func child(t *testing.T, name string, env ...string) string {
	t.Helper()
	require.Contains(t, children, name)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childVar+"="+name), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, stderr.String())
	return string(out) + stderr.String()
}

func mustExec(t testing.TB, code string) {
	t.Helper()
	require.NoError(t, rt.Exec(bg, code))
}

// failingChild runs one of children, which must fail, and returns what it printed.
func failingChild(t *testing.T, name string, env ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childVar+"="+name), env...)
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "%s", out)
	return string(out)
}

func realPath(t *testing.T, path string) string {
	t.Helper()
	p, err := filepath.EvalSymlinks(path)
	require.NoError(t, err)
	return p
}
