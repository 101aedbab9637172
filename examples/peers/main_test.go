package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the program itself when asked; the program runs itself too.
func TestMain(m *testing.M) {
	if os.Getenv("PYHOST_TEST_PEERS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func peersOf(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-runs", "1", "-long", "1ms"}, args...)...)
	cmd.Env = append(os.Environ(), "PYHOST_TEST_PEERS=1")
	if os.Getenv("PYHOST_PYTHON") == "" {
		cmd.Env = append(cmd.Env, "PYHOST_PYTHON=/usr/bin/python3")
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// Every peer has a figure for each task, or is named as missing.
func TestPeers(t *testing.T) {
	dir := t.TempDir()
	out := peersOf(t, "-task", "list", "-o", dir)
	table, err := os.ReadFile(dir + "/results.md")
	require.NoError(t, err)
	chart, err := os.ReadFile(dir + "/chart.svg")
	require.NoError(t, err)
	for _, name := range []string{
		"pyhost", "pyhost, GIL held", "C", "Python itself", "go-python3, as documented",
		"go-python3, GIL held", "go-python3 in gopython3.Do", "JSON lines by a pipe",
		"JSON by http.server", "python3 for each call",
	} {
		const figure = `[0-9.e+]+ \([0-9.e+]+–[0-9.e+]+\)`
		missing := "(?m)^" + name + " is missing: "
		require.Regexp(t, "(?m)^"+name+" +"+figure+"|"+missing, out)
		require.Regexp(t, `(?m)^\| `+name+` \| `+figure+" \\|$|"+missing, string(table))
		require.Regexp(t, "<text[^>]*>"+name+"</text>|"+missing, string(chart)+out)
	}
}

func TestCrowd(t *testing.T) {
	out := peersOf(t, "-task", "crowd")
	require.Regexp(t, `(?m)^JSON lines by a pipe +[0-9.e+]+ \(`, out)
	require.Regexp(t, `(?m)^python3 for each call +–`, out)
}

func TestResultsAreChecked(t *testing.T) {
	require.Error(t, add(remote{call: func(string, any, any) error { return nil }}))
	require.Error(t, text(remote{call: func(string, any, any) error { return nil }}))
}
