package pyhost

import (
	"context"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// forge changes what the cache holds for exe, so that the answer tells where it came from.
func forge(t *testing.T, exe string, change func(*probeFacts)) {
	t.Helper()
	text, err := os.ReadFile(probeCacheFile(exe))
	require.NoError(t, err)
	var kept cachedFacts
	require.NoError(t, json.Unmarshal(text, &kept))
	change(&kept.Facts)
	writeFacts(probeCacheFile(exe), kept)
}

func requireVersion(t *testing.T, spec, version string) {
	t.Helper()
	p, err := locate(context.Background(), spec)
	require.NoError(t, err)
	require.Equal(t, version, p.Version)
}

func TestProbeCache(t *testing.T) {
	base := realPythons(t)[0]
	venv := makeVenv(t, base, "--copies")
	alone(t)
	exe := filepath.Join(venv, "bin", "python3")
	forged := func(f *probeFacts) { f.Version = "3.10.99" }

	requireVersion(t, venv, base.Version)
	forge(t, exe, forged)
	requireVersion(t, venv, "3.10.99") // hit

	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(exe, later, later))
	requireVersion(t, venv, base.Version) // another executable

	forge(t, exe, forged)
	require.NoError(t, os.Chtimes(filepath.Join(venv, "pyvenv.cfg"), later, later))
	requireVersion(t, venv, base.Version) // another base, perhaps

	for _, text := range []string{"", "{", "null", "{}", "[1]"} {
		require.NoError(t, os.WriteFile(probeCacheFile(exe), []byte(text), 0o600))
		requireVersion(t, venv, base.Version)
	}
	forge(t, exe, forged)
	requireVersion(t, venv, "3.10.99") // written again
}

func TestCachedProbeWithoutStdlib(t *testing.T) {
	base := realPythons(t)[0]
	dir := alone(t)
	requireVersion(t, base.Executable, base.Version)
	forge(t, base.Executable, func(f *probeFacts) { f.Stdlib = dir })
	_, err := locate(context.Background(), base.Executable)
	require.ErrorIs(t, err, ErrNoStdlib)
	require.ErrorContains(t, err, dir)
}

// TestLibraryInstalledLater is why the cache holds nothing about libpython's existence.
func TestLibraryInstalledLater(t *testing.T) {
	base := realPythons(t)[0]
	dir := alone(t)
	requireVersion(t, base.Executable, base.Version)
	later := filepath.Join(dir, "libpythonlater.so")
	forge(t, base.Executable, func(f *probeFacts) {
		f.Minor, f.LibDir, f.InstSoname, f.LdLibrary = 99, dir, filepath.Base(later), ""
	})
	_, err := locate(context.Background(), base.Executable)
	require.ErrorIs(t, err, ErrNoSharedLibrary)

	writeLibrary(t, later, elf.ET_DYN, elfMachines[runtime.GOARCH])
	p, err := locate(context.Background(), base.Executable)
	require.NoError(t, err)
	require.Equal(t, later, p.Libpython)
}

func TestUnwritableCache(t *testing.T) {
	base := realPythons(t)[0]
	for _, cache := range []string{filepath.Join(os.DevNull, "none"), "relative"} {
		alone(t)
		t.Setenv("XDG_CACHE_HOME", cache)
		requireVersion(t, base.Executable, base.Version)
		require.NoFileExists(t, probeCacheFile(base.Executable))
	}
}

func TestScriptIsNotCached(t *testing.T) {
	dir := alone(t)
	p := sharedPython(t, dir, "3.12.1")
	requireVersion(t, dir, "3.12.1")
	require.NoFileExists(t, probeCacheFile(p.Executable))
}
