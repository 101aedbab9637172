package bundled

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/stretchr/testify/require"
)

const unpackVariable = "PYHOST_TEST_UNPACK"

// TestMain makes the test binary a program that only unpacks, for the tests of several processes.
func TestMain(m *testing.M) {
	if os.Getenv(unpackVariable) == "" {
		os.Exit(m.Run())
	}
	prefix, err := Unpack()
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(prefix)
}

func unpackCommand(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), unpackVariable+"=1")
	return cmd
}

func requireComplete(t *testing.T, prefix string) {
	t.Helper()
	require.FileExists(t, filepath.Join(prefix, "bin", "python3"))
	libs, err := filepath.Glob(filepath.Join(prefix, "lib", "libpython3.*.so"))
	require.NoError(t, err)
	require.NotEmpty(t, libs)
	out, err := exec.Command(filepath.Join(prefix, "bin", "python3"), "-I", "-c",
		"import sys, json, ssl, sqlite3; print(sys.prefix)").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, prefix, strings.TrimSpace(string(out)))
}

// TestProcessesAtOnceCompleteAKilledUnpack kills a process as soon as it has begun to write, and
// lets three others find what it left.
func TestProcessesAtOnceCompleteAKilledUnpack(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	killHalfway(t, filepath.Join(cache, "pyhost"))

	type result struct {
		prefix string
		err    error
	}
	results := make(chan result)
	for range 3 {
		cmd := unpackCommand(t)
		go func() {
			out, err := cmd.Output()
			results <- result{string(out), err}
		}()
	}
	prefixes := map[string]bool{}
	for range 3 {
		r := <-results
		require.NoError(t, r.err)
		requireComplete(t, r.prefix)
		prefixes[r.prefix] = true
	}
	require.Len(t, prefixes, 1)
}

func killHalfway(t *testing.T, cacheFolder string) {
	t.Helper()
	cmd := unpackCommand(t)
	require.NoError(t, cmd.Start())
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	for began := false; !began; {
		matches, err := filepath.Glob(filepath.Join(cacheFolder, "python-*", "bin", "python3*"))
		require.NoError(t, err)
		began = len(matches) > 0
		select {
		case err := <-exited:
			require.Fail(t, "ended before it began to write", "%v", err)
		default:
		}
	}
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, <-exited)
}

func TestDamageIsRepaired(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", filepath.Join(os.DevNull, "none"))
	t.Setenv("HOME", filepath.Join(os.DevNull, "none"))
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	prefix, err := unpack()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(prefix, temp), "%s is not in the fallback folder", prefix)
	requireComplete(t, prefix)

	for _, pattern := range []string{"libpython3.*.so.1.0", "python3.*/encodings"} {
		matches, err := filepath.Glob(filepath.Join(prefix, "lib", pattern))
		require.NoError(t, err)
		require.Len(t, matches, 1)
		if err := os.Truncate(matches[0], 1000); err != nil {
			require.NoError(t, os.RemoveAll(matches[0]))
		}
	}
	again, err := unpack()
	require.NoError(t, err)
	require.Equal(t, prefix, again)
	requireComplete(t, prefix)
}

func TestForeignTempFolderIsRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := tempFolder()
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o777))
	_, err = tempFolder()
	require.ErrorContains(t, err, dir)
}

func TestDiscoverHasIt(t *testing.T) {
	t.Setenv("PYHOST_PYTHON", "")
	t.Setenv("VIRTUAL_ENV", "")
	prefix, err := Unpack()
	require.NoError(t, err)
	found := pyhost.Discover(context.Background())
	require.NotEmpty(t, found)
	p := found[0]
	require.NoError(t, p.Err)
	require.Equal(t, "bundled", p.Source)
	require.Equal(t, prefix, p.Prefix)
}

func BenchmarkUnpacked(b *testing.B) {
	dir := b.TempDir()
	_, err := unpackInto(dir)
	require.NoError(b, err)
	for b.Loop() {
		_, err = unpackInto(dir)
	}
	require.NoError(b, err)
}
