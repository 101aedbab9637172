package pyhost

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPyenvShim(t *testing.T) {
	dir := alone(t)
	root := filepath.Join(dir, "pyenv")
	for _, version := range []string{"3.9.1", "3.11.7", "3.12.2", "3.12.10"} {
		sharedPython(t, filepath.Join(root, "versions", version), version)
	}
	system := sharedPython(t, filepath.Join(dir, "system"), "3.10.8")
	shim := filepath.Join(root, "shims", "python3")
	write(t, shim, "#!/bin/sh\necho 'pyenv: no such version' >&2; exit 1\n", 0o755)
	t.Setenv("PATH", filepath.Dir(shim)+":"+filepath.Dir(system.Executable))
	work := filepath.Join(dir, "project", "sub")
	require.NoError(t, os.MkdirAll(work, 0o755))
	t.Chdir(work)
	requireFound := func(version string) {
		t.Helper()
		p, err := locate(context.Background(), "python3")
		require.NoError(t, err)
		require.Equal(t, version, p.Version)
		require.NotEqual(t, shim, p.Executable)
	}

	requireFound("3.10.8") // no version selected: the system's
	write(t, filepath.Join(root, "version"), "3.11.7\n", 0o644)
	requireFound("3.11.7")
	write(t, filepath.Join(dir, "project", ".python-version"), "# newest\n3.12 # of these\n", 0o644)
	requireFound("3.12.10")
	t.Setenv("PYENV_VERSION", "python-3.12.2:3.11.7")
	requireFound("3.12.2")
	t.Setenv("PYENV_VERSION", "system")
	requireFound("3.10.8")

	t.Setenv("PYENV_VERSION", "3.13.0")
	_, err := locate(context.Background(), "python3")
	require.ErrorIs(t, err, ErrNotPython)
	require.ErrorContains(t, err, "pyenv: no such version")
}

func TestNewestFirst(t *testing.T) {
	paths := []string{"/v/3.9.18", "/v/3.15.0a1", "/v/3.14.0t", "/v/other", "/v/3.12.2",
		"/v/3.12.10", "/v/cpython-3.13.1+freethreaded-linux", "/v/cpython-3.13.1-linux"}
	var sorted []string
	for _, c := range newestFirst(paths, "", "") {
		sorted = append(sorted, filepath.Base(c.path))
	}
	require.Equal(t, []string{"cpython-3.13.1-linux", "3.12.10", "3.12.2", "3.9.18", "3.15.0a1",
		"3.14.0t", "cpython-3.13.1+freethreaded-linux", "other"}, sorted)
}
