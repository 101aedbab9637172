package pyhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// probeFacts is what an interpreter says of itself: only what can't change unless its own file
// does, since it is cached. The rest is looked at each time.
type probeFacts struct {
	Implementation     string
	Version            string
	Major, Minor       int
	AbiFlags           string
	FreeThreaded       bool
	Executable         string
	Prefix, BasePrefix string
	Stdlib             string
	InstSoname         string
	LdLibrary          string
	LibDir, Multiarch  string
	Framework          string
	Venv               bool `json:"-"`
}

// probeScript runs without site, by whose doing a venv's sys.prefix is set before 3.14; we know
// that folder anyhow.
const probeScript = `
import json, sys, sysconfig
v, var = sys.version_info, lambda name: sysconfig.get_config_var(name) or ""
pre = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(v[3])
print(json.dumps({
    "Implementation": sys.implementation.name,
    "Version": "%d.%d.%d" % v[:3] + (pre + str(v[4]) if pre else ""),
    "Major": v[0], "Minor": v[1],
    "AbiFlags": sys.abiflags,
    "FreeThreaded": bool(var("Py_GIL_DISABLED")),
    "Executable": sys.executable,
    "Prefix": sys.prefix, "BasePrefix": sys.base_prefix,
    "Stdlib": sysconfig.get_path("stdlib"),
    "InstSoname": var("INSTSONAME"), "LdLibrary": var("LDLIBRARY"),
    "LibDir": var("LIBDIR"), "Multiarch": var("MULTIARCH"),
    "Framework": var("PYTHONFRAMEWORKPREFIX"),
}))
`

// probeTimeout is for one run: shims on slow disks take a second. A variable for the tests.
var probeTimeout = 20 * time.Second

// runProbe asks exe. It is isolated (-I) from the environment and the working folder, as the
// embedded interpreter need not be: only the installation itself is of interest.
func runProbe(ctx context.Context, exe string) (probeFacts, error) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(limited, exe, "-I", "-S", "-c", probeScript)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "PYTHON") || strings.HasPrefix(v, "__PYVENV_LAUNCHER__")
	})
	cmd.WaitDelay = time.Second // what a script left behind may hold the pipe open
	out, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return probeFacts{}, ctx.Err()
	case limited.Err() != nil:
		return probeFacts{}, fmt.Errorf("%w: %s gave no answer in %v",
			ErrNotPython, exe, probeTimeout)
	case err != nil:
		return probeFacts{}, probeError(exe, err)
	}
	return parseFacts(exe, out)
}

var noModule = regexp.MustCompile(`No module named '?\w+`)

// probeError says what is wrong with an interpreter that fails to start.
func probeError(exe string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%w: %w", ErrNotPython, err)
	}
	stderr := strings.TrimSpace(string(exit.Stderr))
	if strings.Contains(stderr, "Unknown option: -I") {
		return fmt.Errorf("%w: %s is older than 3.10", ErrUnsupportedVersion, exe)
	}
	if lacks := noModule.FindString(stderr); lacks != "" {
		return fmt.Errorf("%w: %s: %s", ErrNoStdlib, exe, lacks)
	}
	line, _, _ := strings.Cut(stderr, "\n")
	return fmt.Errorf("%w: %s: %w: %s", ErrNotPython, exe, exit, line)
}

// parseFacts reads the last line: wrapper scripts may have said something before.
func parseFacts(exe string, out []byte) (probeFacts, error) {
	out = bytes.TrimSpace(out)
	out = out[bytes.LastIndexByte(out, '\n')+1:]
	var facts probeFacts
	if json.Unmarshal(out, &facts) != nil || facts.Version == "" {
		return probeFacts{}, fmt.Errorf("%w: %s does not run Python code", ErrNotPython, exe)
	}
	return facts.inVenv(), nil
}

// inVenv sets Prefix to the venv that the executable lies in, if any.
func (f probeFacts) inVenv() probeFacts {
	if venv, _ := venvOf(f.Executable); venv != "" {
		f.Prefix, f.Venv = venv, true
	}
	return f
}

func (f probeFacts) python() Python {
	return Python{
		Version:    f.Version,
		Executable: f.Executable,
		Prefix:     f.Prefix, BasePrefix: f.BasePrefix,
		Stdlib: f.Stdlib,
		Venv:   f.Venv, FreeThreaded: f.FreeThreaded,
	}
}

// check says why an interpreter can't be embedded, its libpython apart.
func (f probeFacts) check() error {
	if f.Implementation != "cpython" {
		return fmt.Errorf("%w but %s", ErrNotPython, f.Implementation)
	}
	if f.Major != 3 || f.Minor < 10 {
		return fmt.Errorf("%w: %s, and 3.10 or later is needed", ErrUnsupportedVersion, f.Version)
	}
	if f.Stdlib == "" {
		return fmt.Errorf("%w: no lib/python%d.%d near it", ErrNoStdlib, f.Major, f.Minor)
	}
	return checkStdlib(f.Stdlib)
}

// checkStdlib is for every start, whatever a probe said: without these modules CPython does not
// return an error when it is initialised, it ends the process.
func checkStdlib(dir string) error {
	for _, module := range []string{"os.py", filepath.Join("encodings", "__init__.py")} {
		file := filepath.Join(dir, module)
		if !exists(file) && !exists(file+"c") {
			return fmt.Errorf("%w: %s does not exist", ErrNoStdlib, file)
		}
	}
	return nil
}
