package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := clitest.Program(t, args...)
	cmd.Env = append(cmd.Env, "PYHOST_PYTHON=", "VIRTUAL_ENV=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestTable(t *testing.T) {
	out := run(t)
	require.Contains(t, out, "VERSION")
	require.Contains(t, out, "bundled")
	require.Regexp(t, `(?m)^\*  3\.`, out)
	require.Contains(t, out, "* pyhost.Open takes this one: CPython 3.")
}

func TestJSON(t *testing.T) {
	var reports []report
	require.NoError(t, json.Unmarshal([]byte(run(t, "-json")), &reports))
	require.NotEmpty(t, reports)
	require.Equal(t, "bundled", reports[0].Source)
	require.True(t, reports[0].Taken)
	for _, r := range reports {
		require.Equal(t, r.Usable, r.Error == "", "%+v", r)
	}
}

func TestUsable(t *testing.T) {
	for path := range strings.Lines(run(t, "-usable")) {
		out, err := exec.Command(strings.TrimSpace(path), "-c", "print(1)").Output()
		require.NoError(t, err)
		require.Equal(t, "1\n", string(out))
	}
}

func TestNewest(t *testing.T) {
	list := newest([]pyhost.Python{
		{Version: "3.11.7"}, {Version: "3.13.0", FreeThreaded: true}, {Version: "3.11.12"},
		{Version: "3.11.13", Err: os.ErrNotExist}, {Version: "3.13.0rc1"}, {Version: "3.13.0"},
	})
	require.Equal(t, []pyhost.Python{{Version: "3.11.12"},
		{Version: "3.13.0", FreeThreaded: true}, {Version: "3.13.0"}}, list)
}

func TestChosenOneFails(t *testing.T) {
	cmd := clitest.Program(t)
	cmd.Env = append(cmd.Env, "PYHOST_PYTHON=/absent")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	require.Contains(t, string(out), "* pyhost.Open fails on this one (PYHOST_PYTHON)")
}
