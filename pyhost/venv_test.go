package pyhost_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestVenvByFolder(t *testing.T) {
	base := rt.Info().Python
	if base.Executable == "" {
		t.Skip("the Python under test has no executable")
	}
	venv := filepath.Join(t.TempDir(), "vénv 1")
	out, err := exec.Command(base.Executable, "-I", "-m", "venv", "--without-pip", venv).
		CombinedOutput()
	require.NoError(t, err, "%s", out)
	sites, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages"))
	require.NoError(t, err)
	require.NotEmpty(t, sites)
	module := filepath.Join(sites[0], "only_here.py")
	require.NoError(t, os.WriteFile(module, []byte("x = 7"), 0o644))
	facts := `[sys.prefix, sys.base_prefix, os.path.dirname(sys.executable),
		[p for p in sys.path if p.endswith("site-packages")], __import__("only_here").x,
		__import__("subprocess").check_output([sys.executable, "-c",
			"import only_here; print(only_here.x)"], text=True)]`
	for name, spec := range map[string]string{
		"folder": venv, "executable": filepath.Join(venv, "bin", "python"),
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, pyhost.Config{Python: spec}, facts)
			require.Equal(t, []any{venv, base.BasePrefix, filepath.Join(venv, "bin"),
				[]any{sites[0]}, 7., "7\n"}, got)
		})
	}
}

const spawned = `
def square(x):
    return x * x

def pool(method):
    import multiprocessing
    with multiprocessing.get_context(method).Pool(1) as p:
        return p.map(square, [1, 2, 3])

def executor():
    import concurrent.futures as f
    with f.ProcessPoolExecutor(1) as pool:
        return list(pool.map(square, [1, 2, 3]))

def output():
    import subprocess, sys
    return subprocess.run([sys.executable, "-I", "-c", "print(input()[::-1])"], input="abc",
                          text=True, capture_output=True).stdout
`

func TestSubprocesses(t *testing.T) {
	if rt.Info().Python.Executable == "" {
		t.Skip("the Python under test has no executable")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "spawned.py"), []byte(spawned), 0o644))
	cfg := pyhost.Config{Path: []string{dir}}
	for expr, want := range map[string]any{
		`__import__("spawned").pool("spawn")`:      []any{1., 4., 9.},
		`__import__("spawned").pool("forkserver")`: []any{1., 4., 9.},
		`__import__("spawned").pool(None)`:         []any{1., 4., 9.},
		`__import__("spawned").executor()`:         []any{1., 4., 9.},
		`__import__("spawned").output()`:           "cba\n",
	} {
		t.Run(expr, func(t *testing.T) { require.Equal(t, want, ask(t, cfg, expr)) })
	}
}

func TestForkIsRefused(t *testing.T) {
	for code, name := range map[string]string{"os.fork()": "os.fork", "os.forkpty()": "os.forkpty",
		"multiprocessing.get_context('fork').Process(target=print).start()": "os.fork"} {
		err := rt.Exec(bg, "import os, multiprocessing\n"+code)
		require.ErrorIs(t, err, pyhost.RuntimeError)
		require.ErrorContains(t, err, name+" is refused inside a Go process")
	}
}
