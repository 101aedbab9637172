package pyhost

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRealPythons(t *testing.T) {
	ctx := context.Background()
	for _, p := range realPythons(t) {
		t.Run(p.Version, func(t *testing.T) {
			require.True(t, filepath.IsAbs(p.Libpython))
			require.FileExists(t, filepath.Join(p.Stdlib, "os.py"))
			out, err := exec.Command(p.Executable, "-I", "-c",
				"import sys; print(sys.executable, sys.prefix, sys.base_prefix)").Output()
			require.NoError(t, err)
			want := fmt.Sprintln(p.Executable, p.Prefix, p.BasePrefix)
			require.Equal(t, want, string(out))

			for _, spec := range []string{p.Executable, p.Libpython} {
				got, err := locate(ctx, spec)
				require.NoError(t, err)
				require.Equal(t, p.Version, got.Version)
				require.Equal(t, p.BasePrefix, got.BasePrefix)
				require.Equal(t, realPath(p.Libpython), realPath(got.Libpython))
				require.Equal(t, filepath.Dir(realPath(p.Executable)),
					filepath.Dir(realPath(got.Executable)))
				require.Equal(t, "Config.Python", got.Source)
			}
		})
	}
}

func TestVenvOfRealPythons(t *testing.T) {
	for _, base := range realPythons(t) {
		t.Run(base.Version, func(t *testing.T) {
			venv := makeVenv(t, base)
			exe := filepath.Join(venv, "bin", "python3")
			for _, spec := range []string{venv, exe, "", ""} { // cold and warm
				if spec == "" {
					t.Setenv("VIRTUAL_ENV", venv)
				}
				p, err := locate(context.Background(), spec)
				require.NoError(t, err)
				require.True(t, p.Venv)
				require.Equal(t, exe, p.Executable)
				require.Equal(t, venv, p.Prefix)
				require.Equal(t, base.BasePrefix, p.BasePrefix)
				require.Equal(t, base.Stdlib, p.Stdlib)
				require.Equal(t, base.Libpython, p.Libpython)
			}
			list := Discover(context.Background())
			require.Equal(t, venv, list[0].Prefix)
			require.Equal(t, "VIRTUAL_ENV", list[0].Source)
		})
	}
}

func TestDiscoverHasEachOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Discover(context.Background()) {
		key := fmt.Sprint(realPath(p.Prefix), p.Version, p.FreeThreaded)
		require.False(t, p.Prefix != "" && seen[key], "%+v", p)
		seen[key] = true
	}
}

func TestRefusals(t *testing.T) {
	dir := alone(t)
	in := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	staticPython(t, in("static"), "3.12.4")
	staticPython(t, in("pyenv", "3.11.7"), "3.11.7")
	sharedPython(t, in("old"), "3.9.18")
	bare := sharedPython(t, in("bare"), "3.12.4")
	require.NoError(t, os.RemoveAll(filepath.Join(bare.Stdlib, "encodings")))
	alien := staticPython(t, in("alien"), "3.12.4")
	alienLib := filepath.Join(alien.Prefix, "lib", "libpython3.12.so.1.0")
	writeLibrary(t, alienLib, elf.ET_DYN, elf.EM_MIPS)
	write(t, in("text"), "no program", 0o644)
	write(t, in("silent"), "#!/bin/sh\n", 0o755)
	write(t, in("python2"), "#!/bin/sh\necho Unknown option: -I >&2; exit 2", 0o755)
	noModule := "#!/bin/sh\necho \"ModuleNotFoundError: No module named 'encodings'\" >&2; exit 1"
	write(t, in("homeless"), noModule, 0o755)
	write(t, in("libpython3.12.so"), "text", 0o644)
	write(t, in("libother.so"), "text", 0o644)
	write(t, in("real", "libpython3.12.so"), "text", 0o644)
	writeStdlib(t, in("real", "lib", "python3.12"))
	require.NoError(t, os.MkdirAll(in("folder"), 0o755))
	require.NoError(t, os.MkdirAll(in("venv", "bin"), 0o755))
	require.NoError(t, os.Symlink(in("gone"), in("venv", "bin", "python3")))

	for _, test := range []struct {
		spec string
		is   error
		text string
	}{
		{in("absent"), fs.ErrNotExist, "absent"},
		{"absent", fs.ErrNotExist, "absent"},
		{in("venv"), fs.ErrNotExist, in("gone")},
		{in("folder"), ErrNotPython, "bin/python3"},
		{in("text"), ErrNotPython, in("text")},
		{in("silent"), ErrNotPython, in("silent")},
		{in("libother.so"), ErrNotPython, "libpython3.X"},
		{in("real", "libpython3.12.so"), ErrNotPython, "is no library"},
		{in("libpython3.12.so"), ErrNoStdlib, "lib/python3.12"},
		{in("homeless"), ErrNoStdlib, "encodings"},
		{in("bare"), ErrNoStdlib, filepath.Join(bare.Stdlib, "encodings")},
		{in("old"), ErrUnsupportedVersion, "3.9.18"},
		{in("python2"), ErrUnsupportedVersion, in("python2")},
		{in("static"), ErrNoSharedLibrary, "apt install libpython3.12"},
		{in("static"), ErrNoSharedLibrary, "dnf install python3-libs"},
		{in("pyenv", "3.11.7"), ErrNoSharedLibrary,
			"PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force 3.11.7"},
		{in("alien"), ErrNoSharedLibrary, "MIPS"},
	} {
		_, err := locate(context.Background(), test.spec)
		require.ErrorIs(t, err, test.is, "%s", test.spec)
		require.ErrorContains(t, err, test.text)
		require.ErrorContains(t, err, fmt.Sprintf("Config.Python=%q", test.spec))
	}
}

func TestDistributionWithoutLibrary(t *testing.T) {
	facts := probeFacts{Major: 3, Minor: 11, BasePrefix: "/usr"}
	require.Contains(t, facts.bringLibrary(), "apt install libpython3.11")
}

func TestLibraryWithoutExecutable(t *testing.T) {
	dir := alone(t)
	p := sharedPython(t, dir, "3.13.2")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "bin")))
	for _, spec := range []string{p.Libpython, dir} {
		got, err := locate(context.Background(), spec)
		require.NoError(t, err)
		require.Empty(t, got.Executable)
		require.Equal(t, "3.13", got.Version)
		require.Equal(t, p.Libpython, got.Libpython)
		require.Equal(t, dir, got.Prefix)
		require.Equal(t, p.Stdlib, got.Stdlib)
	}
}

func TestFreeThreadedLibraryName(t *testing.T) {
	for path, version := range map[string]string{
		"/p/lib/libpython3.13t.so.1.0":                   "3.13t",
		"/p/lib/libpython3.14td.so":                      "3.14t",
		"/p/lib/libpython3.12.so":                        "3.12",
		"/p/lib/libpython3.12.dylib":                     "3.12",
		"/L/Python.framework/Versions/3.12/Python":       "3.12",
		"/L/PythonT.framework/Versions/3.13t/PythonT":    "3.13t",
		"/p/lib/libpython3.6m.so.1.0":                    "3.6",
		"/p/lib/python3.12/lib-dynload/libpython3.12.so": "3.12",
	} {
		name, ok := parseLibrary(path)
		require.True(t, ok, path)
		require.Equal(t, version, name.version())
	}
	_, ok := parseLibrary("/p/lib/libpython3.so")
	require.False(t, ok, "the stable-ABI stub is no libpython")
}

// TestOrder takes the first place of search away, again and again.
func TestOrder(t *testing.T) {
	dir := alone(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	names := []string{"spec", "env", "venv", "bundled", "path", "conda"}
	for _, name := range names {
		sharedPython(t, in(name), "3.12.1")
	}
	sharedPython(t, filepath.Join(dir, "home", ".pyenv", "versions", "3.9.1"), "3.9.1")
	sharedPython(t, filepath.Join(dir, "home", ".pyenv", "versions", "3.13.1"), "3.13.1")
	sharedPython(t, filepath.Join(dir, "home", ".pyenv", "versions", "3.14.0t"), "3.14.0")
	t.Setenv("PYHOST_PYTHON", in("env"))
	t.Setenv("VIRTUAL_ENV", in("venv"))
	RegisterBundled(func() (string, error) { return in("bundled"), nil })
	t.Setenv("PATH", filepath.Join(in("path"), "bin"))
	t.Setenv("CONDA_PREFIX", in("conda"))

	sources := []string{}
	for _, p := range Discover(context.Background()) {
		sources = append(sources, p.Source+" "+filepath.Base(p.Prefix))
	}
	require.Equal(t, []string{"PYHOST_PYTHON env", "VIRTUAL_ENV venv", "bundled bundled",
		"PATH path", "conda conda", "pyenv 3.13.1", "pyenv 3.9.1", "pyenv 3.14.0t"}, sources)

	spec := in("spec")
	takeAway := []func(){
		func() { spec = "" },
		func() { t.Setenv("PYHOST_PYTHON", "") },
		func() { t.Setenv("VIRTUAL_ENV", "") },
		func() { unpackBundled = nil },
		func() { t.Setenv("PATH", "") },
		func() { t.Setenv("CONDA_PREFIX", "") },
	}
	for i, next := range takeAway {
		p, err := locate(context.Background(), spec)
		require.NoError(t, err)
		require.Equal(t, in(names[i]), p.Prefix)
		next()
	}
	p, err := locate(context.Background(), "")
	require.NoError(t, err)
	require.Equal(t, "3.13.1", p.Version)
}

func TestChosenIsNeverPassedOver(t *testing.T) {
	dir := alone(t)
	good := sharedPython(t, filepath.Join(dir, "good"), "3.12.1")
	staticPython(t, filepath.Join(dir, "static"), "3.12.1")
	t.Setenv("PATH", filepath.Dir(good.Executable))
	for _, name := range []string{"PYHOST_PYTHON", "VIRTUAL_ENV"} {
		t.Setenv(name, filepath.Join(dir, "static"))
		_, err := locate(context.Background(), "")
		require.ErrorIs(t, err, ErrNoSharedLibrary)
		require.ErrorContains(t, err, fmt.Sprintf("%s=%q", name, filepath.Join(dir, "static")))
		t.Setenv(name, "")
	}
	full := errors.New("disk full")
	RegisterBundled(func() (string, error) { return "", full })
	_, err := locate(context.Background(), "")
	require.ErrorIs(t, err, full)
	require.ErrorContains(t, err, "bundled")
}

func TestOthersArePassedOver(t *testing.T) {
	dir := alone(t)
	static := staticPython(t, filepath.Join(dir, "static"), "3.12.1")
	t.Setenv("PATH", filepath.Dir(static.Executable))
	versions := filepath.Join(dir, "home", ".pyenv", "versions")
	old := sharedPython(t, filepath.Join(versions, "3.9.2"), "3.9.2")

	_, err := locate(context.Background(), "")
	require.ErrorIs(t, err, ErrNoPython)
	for _, text := range []string{static.Executable, "--enable-shared", old.Executable, "3.9.2",
		"PYHOST_PYTHON"} {
		require.ErrorContains(t, err, text)
	}

	good := sharedPython(t, filepath.Join(versions, "3.10.2"), "3.10.2")
	p, err := locate(context.Background(), "")
	require.NoError(t, err)
	require.Equal(t, good.Prefix, p.Prefix)
	require.Equal(t, "pyenv", p.Source)
}

func TestBareNameAndRelativePath(t *testing.T) {
	dir := alone(t)
	good := sharedPython(t, filepath.Join(dir, "good"), "3.12.1")
	for _, spec := range []string{"good", "./good", "good/bin/python3"} {
		p, err := locate(context.Background(), spec)
		require.NoError(t, err)
		require.Equal(t, good.Prefix, p.Prefix)
	}
	t.Setenv("PATH", filepath.Dir(good.Executable))
	p, err := locate(context.Background(), "python3")
	require.NoError(t, err)
	require.Equal(t, good.Prefix, p.Prefix)
}

func TestWrapperScriptIsTheSamePython(t *testing.T) {
	base := realPythons(t)[0]
	dir := alone(t)
	script := fmt.Sprintf("#!/bin/sh\necho hello\nexec %q \"$@\"\n", base.Executable)
	write(t, filepath.Join(dir, "python3"), script, 0o755)
	t.Setenv("PATH", dir+":"+filepath.Dir(base.Executable))
	t.Setenv("PYHOST_PYTHON", base.Executable)
	found := 0
	for _, p := range Discover(context.Background()) {
		if p.Prefix == base.Prefix && p.Version == base.Version {
			found++
		}
	}
	require.Equal(t, 1, found)
}

func TestProbeEnds(t *testing.T) {
	dir := alone(t)
	script := write(t, filepath.Join(dir, "endless"), "#!/bin/sh\nwhile :; do :; done\n", 0o755)
	timeout := probeTimeout
	t.Cleanup(func() { probeTimeout = timeout })
	probeTimeout = 50 * time.Millisecond
	_, err := locate(context.Background(), script)
	require.ErrorIs(t, err, ErrNotPython)
	require.ErrorContains(t, err, "no answer")

	probeTimeout = timeout
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = locate(ctx, script)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestConcurrentLocate(t *testing.T) {
	base := realPythons(t)[0]
	alone(t)
	timeout := probeTimeout
	t.Cleanup(func() { probeTimeout = timeout })
	probeTimeout = 10 * time.Minute // sixteen Pythons start at once, on a busy machine maybe
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			p, err := locate(context.Background(), base.Executable)
			if err != nil || p.Libpython != base.Libpython {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	group.Wait()
	left, err := filepath.Glob(filepath.Join(filepath.Dir(probeCacheFile("")), "new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestPythonVariablesAreIgnored(t *testing.T) {
	base := realPythons(t)[0]
	dir := alone(t)
	t.Setenv("PYTHONHOME", dir)
	t.Setenv("PYTHONPATH", dir)
	write(t, filepath.Join(dir, "json.py"), "raise SystemExit('imported from the working folder')",
		0o644)
	p, err := locate(context.Background(), base.Executable)
	require.NoError(t, err)
	require.False(t, strings.HasPrefix(p.Stdlib, dir))
}
