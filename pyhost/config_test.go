package pyhost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// alone is what require takes in a child: the first failure ends it.
type alone struct{}

func (alone) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
func (alone) FailNow()                          { os.Exit(3) }

// apart runs one of children, which must exit with 0, and returns what it wrote.
func apart(t *testing.T, name string, env ...string) (stdout, stderr string) {
	t.Helper()
	require.Contains(t, children, name)
	ctx, stop := context.WithTimeout(bg, time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // shows where it hangs
	cmd.Env = append(append(os.Environ(), childVar+"="+name), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s\n%s", &out, &errs)
	return out.String(), errs.String()
}

// inChild makes body a child.
func inChild(name string, body func(t require.TestingT)) {
	children[name] = func() error { body(alone{}); return nil }
}

func mustOpen(t require.TestingT, cfg pyhost.Config) *pyhost.Runtime {
	rt, err := pyhost.Open(cfg)
	require.NoError(t, err)
	return rt
}

const (
	configVar = "PYHOST_TEST_CONFIG"
	exprVar   = "PYHOST_TEST_EXPR"
)

func init() {
	inChild("ask", func(t require.TestingT) {
		var cfg pyhost.Config
		require.NoError(t, json.Unmarshal([]byte(os.Getenv(configVar)), &cfg))
		rt := mustOpen(t, cfg)
		require.NoError(t, rt.Exec(bg, "import sys, os, site, json"))
		text, err := pyhost.Eval[string](bg, rt, "json.dumps("+os.Getenv(exprVar)+")")
		require.NoError(t, err)
		fmt.Print(text)
		require.NoError(t, rt.Close())
	})
	inChild("badConfig", func(t require.TestingT) {
		for _, c := range badConfigs {
			_, err := pyhost.Open(c.cfg)
			require.ErrorContains(t, err, c.want)
		}
		require.NoError(t, mustOpen(t, pyhost.Config{}).Close())
	})
	inChild("noPython", noPython)
	inChild("refused environment", func(t require.TestingT) {
		_, err := pyhost.Open(pyhost.Config{UseEnvironment: true})
		require.Error(t, err)
	})
	inChild("twice", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{})
		_, err := pyhost.Open(pyhost.Config{})
		require.ErrorIs(t, err, pyhost.ErrOpen)
		require.NoError(t, rt.Exec(bg, "pass"))
		require.NoError(t, rt.Close())
		_, err = pyhost.Open(pyhost.Config{})
		require.ErrorIs(t, err, pyhost.ErrFinalized)
	})
}

// ask opens a runtime in a process of its own, with cfg, and returns the value of expr there, with
// the types of JSON.
func ask(t *testing.T, cfg pyhost.Config, expr string, env ...string) any {
	t.Helper()
	text, err := json.Marshal(cfg)
	require.NoError(t, err)
	out, errs := apart(t, "ask", append(env, configVar+"="+string(text), exprVar+"="+expr)...)
	require.Empty(t, errs)
	var got any
	require.NoError(t, json.Unmarshal([]byte(out), &got), out)
	return got
}

func TestIsolatedByDefault(t *testing.T) {
	dir := t.TempDir()
	got := ask(t, pyhost.Config{}, `[
		os.environ["PYTHONPATH"] in sys.path, "" in sys.path, os.getcwd() in sys.path,
		sys.argv, sys.flags.dont_write_bytecode, sys.flags.ignore_environment,
		sys.flags.no_user_site, sys.flags.utf8_mode, sys.flags.optimize, sys.stdout.encoding,
		sys.warnoptions, site.ENABLE_USER_SITE]`,
		"PYTHONPATH="+dir, "PYTHONHOME="+dir, "PYTHONSTARTUP=absent.py",
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONOPTIMIZE=1", "PYTHONUTF8=0", "PYTHONHASHSEED=garbage",
		"PYTHONMALLOC=garbage", "PYTHONWARNINGS=error", "PYTHONIOENCODING=latin-1", "LC_ALL=C")
	require.Equal(t, []any{false, false, false, []any{""}, 0., 1., 1., 1., 0., "utf-8", []any{},
		false}, got)
}

func TestEnvironmentCanBeHonoured(t *testing.T) {
	dir := t.TempDir()
	got := ask(t, pyhost.Config{UseEnvironment: true}, `[
		os.environ["PYTHONPATH"] in sys.path, sys.flags.dont_write_bytecode, sys.flags.utf8_mode,
		"" in sys.path, hash("x") == int(__import__("subprocess").check_output(
			[sys.executable, "-c", "print(hash('x'))"]))]`,
		"PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=7")
	require.Equal(t, []any{true, 1., 1., false, true}, got)
}

func TestAnEnvironmentThatPythonRefusesIsAnError(t *testing.T) {
	for _, env := range []string{"PYTHONHOME=/nowhere", "PYTHONHASHSEED=x", "PYTHONMALLOC=x"} {
		t.Run(env, func(t *testing.T) {
			out, errs := apart(t, "refused environment", env)
			require.Empty(t, out+errs)
		})
	}
}

func TestUserSite(t *testing.T) {
	cache, err := os.UserCacheDir() // that of the bundled Python is not to be filled anew
	require.NoError(t, err)
	home, cached := "HOME="+t.TempDir(), "XDG_CACHE_HOME="+cache
	cfg := pyhost.Config{UserSite: true}
	dir := ask(t, cfg, "site.getusersitepackages()", home, cached).(string)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	here := "site.getusersitepackages() in sys.path"
	require.Equal(t, true, ask(t, cfg, here, home, cached))
	require.Equal(t, false, ask(t, pyhost.Config{}, here, home, cached))
}

func TestCurrentDir(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("of_this_folder.py", []byte("x = 1"), 0o644))
	got := ask(t, pyhost.Config{CurrentDir: true},
		`[sys.path[0], __import__("of_this_folder").x]`)
	require.Equal(t, []any{"", 1.}, got)
}

func TestArgsPathEnv(t *testing.T) {
	args := []string{"prog", "", "-c", "grüße 世界 🐍", "--x=1"}
	path := []string{t.TempDir(), filepath.Join(t.TempDir(), "ünï")}
	got := ask(t, pyhost.Config{Args: args, Path: path,
		Env: map[string]string{"PYHOST_TEST_A": "ä=b", "PYHOST_TEST_B": ""}},
		`[sys.argv, sys.path[:2], os.environ["PYHOST_TEST_A"], os.environ["PYHOST_TEST_B"],
		  os.popen("printenv PYHOST_TEST_A").read()]`)
	require.Equal(t, []any{[]any{"prog", "", "-c", "grüße 世界 🐍", "--x=1"},
		[]any{path[0], path[1]}, "ä=b", "", "ä=b\n"}, got)
}

func TestArgsNeedNotBeUTF8(t *testing.T) {
	out, errs := apart(t, "rawArgs")
	require.Equal(t, "ok", out)
	require.Empty(t, errs)
}

func init() {
	inChild("rawArgs", func(t require.TestingT) {
		raw := []string{"a\xffb", "caf\xe9"}
		rt := mustOpen(t, pyhost.Config{Args: raw, Env: map[string]string{"PYHOST_TEST_A": raw[0]}})
		got, err := pyhost.Eval[[]string](bg, rt,
			"[*__import__('sys').argv, __import__('os').environ['PYHOST_TEST_A']]")
		require.NoError(t, err)
		require.Equal(t, append(raw, raw[0]), got)
		require.NoError(t, rt.Close())
		fmt.Print("ok")
	})
}

func TestInstallationIsTheRealOne(t *testing.T) {
	p := rt.Info().Python
	if p.Executable == "" {
		t.Skip("the Python under test has no executable")
	}
	got := ask(t, pyhost.Config{}, `[sys.executable, sys.prefix, sys.base_prefix,
		sys.exec_prefix, os.path.dirname(os.__file__), sys.platlibdir in sys.path[-1] or True,
		sys.implementation.name]`)
	out, err := exec.Command(p.Executable, "-I", "-c", `import sys, os, json; print(json.dumps([
		sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix,
		os.path.dirname(os.__file__), True, sys.implementation.name]))`).Output()
	require.NoError(t, err)
	var want any
	require.NoError(t, json.Unmarshal(out, &want))
	require.Equal(t, want, got)
}

var badConfigs = []struct {
	cfg  pyhost.Config
	want string
}{
	{pyhost.Config{MaxThreads: -1}, "Config.MaxThreads is -1"},
	{pyhost.Config{MaxThreads: 1 << 16}, "Config.MaxThreads is 65536"},
	{pyhost.Config{MemoryLimit: -1}, "Config.MemoryLimit is negative"},
	{pyhost.Config{Grace: -1}, "Config.Grace is negative"},
	{pyhost.Config{CloseTimeout: -1}, "Config.CloseTimeout is negative"},
	{pyhost.Config{Args: []string{"a\x00"}}, "Config.Args holds a NUL"},
	{pyhost.Config{Path: []string{"a\x00"}}, "Config.Path holds a NUL"},
	{pyhost.Config{Env: map[string]string{"": "x"}}, `Config.Env has a bad entry ""`},
	{pyhost.Config{Env: map[string]string{"A=B": "x"}}, `Config.Env has a bad entry "A=B"`},
	{pyhost.Config{Env: map[string]string{"A": "\x00"}}, `Config.Env has a bad entry "A"`},
	{pyhost.Config{Python: "\x00"}, "Config.Python"},
}

func TestBadConfig(t *testing.T) { apart(t, "badConfig") }

func TestOpenTwice(t *testing.T) { apart(t, "twice") }

func TestOpenAfterUnusablePythons(t *testing.T) {
	apart(t, "noPython", "PYHOST_TEST_DIR="+t.TempDir())
}

// noPython opens what cannot be opened, and then the Python under test.
func noPython(t require.TestingT) {
	dir := os.Getenv("PYHOST_TEST_DIR")
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	old := `#!/bin/sh
echo '{"Implementation":"cpython","Version":"3.9.1","Major":3,"Minor":9,"Stdlib":"/absent"}'`
	static := fmt.Sprintf(`#!/bin/sh
echo '{"Implementation":"cpython","Version":"3.12.1","Major":3,"Minor":12,"Stdlib":"%s",
"BasePrefix":"%s"}' | tr -d '\n'`, filepath.Join(dir, "static"), dir)
	file("static/os.py", "", 0o644)
	file("static/encodings/__init__.py", "", 0o644)
	for path, want := range map[string]error{
		filepath.Join(dir, "absent"):                          os.ErrNotExist,
		file("old/bin/python3", old, 0o755):                   pyhost.ErrUnsupportedVersion,
		file("static/bin/python3", static, 0o755):             pyhost.ErrNoSharedLibrary,
		file("text/libpython3.12.so.1.0", "no ELF", 0o644):    pyhost.ErrNoStdlib,
		file("other/bin/python3", "#!/bin/sh\nexit 1", 0o755): pyhost.ErrNotPython,
		file("empty/file", "", 0o644):                         pyhost.ErrNotPython,
		filepath.Dir(file("folder/file", "", 0o644)):          pyhost.ErrNotPython,
	} {
		_, err := pyhost.Open(pyhost.Config{Python: path})
		require.ErrorIs(t, err, want, path)
		require.ErrorContains(t, err, path)
	}
	rt := mustOpen(t, pyhost.Config{})
	require.NoError(t, rt.Exec(bg, "import json"))
	require.NoError(t, rt.Close())
}
