package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func TestCallbacks(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.go"), []byte("a\n// TODO\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.go"), []byte("1\n2\n3\n4\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "c.txt"), nil, 0o600))
	out, err := clitest.Output(t, "-root", dir, "-limit", "3", "-calls", "1000")
	require.NoError(t, err, out)
	for _, want := range []string{
		"2 files, the longest: b.go, a.go\n",
		"  a.go: 1 to-do\n", "  b.go: 4 lines, of at most 3\n2 findings\n",
		`msg="as it should be, there is no 'no/such/file.go'" logger=rules`,
		"level=ERROR msg=\"cannot read\" logger=rules at=rules.py:", "error.type=FileNotFoundError",
		"the error is fs.ErrNotExist again: true\n",
		"1000 calls of Go by Python: ",
	} {
		require.Contains(t, out, want)
	}
}

// Of many findings some are shown, and that there are more.
func TestManyFindings(t *testing.T) {
	dir := t.TempDir()
	for _, name := range strings.Split("abcdef", "") {
		text := []byte("// TODO TODO\n")
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".go"), text, 0o600))
	}
	out, err := clitest.Output(t, "-root", dir, "-calls", "0")
	require.NoError(t, err, out)
	require.Contains(t, out, "  e.go: 2 to-dos\n  ...\n6 findings\n")
}

func TestBadFlags(t *testing.T) {
	no := filepath.Join(t.TempDir(), "no")
	out, err := clitest.Output(t, "-root", no)
	require.Error(t, err)
	require.Equal(t, "callbacks: stat "+no+": no such file or directory\n", out)
	_, err = clitest.Output(t, "-calls", "-1")
	require.Error(t, err)
}
