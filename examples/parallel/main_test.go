package main

import (
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const asProgram = "PARALLEL_MAIN"

// TestMain makes the test binary the program itself when asked.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestParallel(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "out.svg")
	out, err := program(t, "-files", "20", "-workers", "3", "-svg", svg)
	require.NoError(t, err, out)
	for _, line := range []string{"20 files of Python 3.", "Python alone ", "one interpreter ",
		"pool, shared GIL ", "pool, own GILs ", "most often: token "} {
		require.Contains(t, out, line)
	}
	f, err := os.Open(svg)
	require.NoError(t, err)
	defer f.Close()
	for d := xml.NewDecoder(f); err == nil; {
		_, err = d.Token()
	}
	require.ErrorIs(t, err, io.EOF)
}

func TestBadFlags(t *testing.T) {
	out, err := program(t, "-workers", "0")
	require.Error(t, err)
	require.True(t, strings.HasPrefix(out, "parallel: want"), out)
}
