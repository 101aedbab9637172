package pyhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A target is what a candidate comes down to: an interpreter to ask, a libpython, or both; or why
// it is neither, with the path in exe.
type target struct {
	exe, lib string
	err      error
}

func (c candidate) resolve() target {
	path := c.path
	if c.source == sourceBundled {
		prefix, err := unpackBundled()
		if err != nil {
			return target{err: err}
		}
		path = prefix
	}
	t := resolveTarget(path)
	if t.err != nil {
		t.exe = path
	}
	return t
}

func resolveTarget(spec string) target {
	path, err := specPath(spec)
	if err != nil {
		return target{err: err}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return target{err: missing(path, err)}
	case info.IsDir():
		return folderTarget(path)
	case isLibrary(path):
		return libraryTarget(path)
	case info.Mode()&0o111 == 0:
		return target{err: fmt.Errorf("%w: %s is neither a libpython nor executable",
			ErrNotPython, path)}
	}
	return target{exe: unshim(path)}
}

// specPath makes spec absolute. A bare name is one on PATH before it is one in the working folder.
func specPath(spec string) (string, error) {
	if !strings.ContainsRune(spec, filepath.Separator) {
		if path, err := exec.LookPath(spec); err == nil {
			spec = path
		}
	}
	return filepath.Abs(spec)
}

func missing(path string, err error) error {
	if to, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a link to %s, which can't be followed: %w", path, to, err)
	}
	return err
}

// folderTarget takes a venv or a prefix.
func folderTarget(dir string) target {
	for _, name := range []string{"python3", "python"} {
		exe := filepath.Join(dir, "bin", name)
		if _, err := os.Stat(exe); err == nil {
			return target{exe: exe}
		}
		if _, err := os.Lstat(exe); err == nil {
			return resolveTarget(exe) // the error that names the broken link
		}
	}
	if list := namedIn([]string{filepath.Join(dir, "bin")}, ""); len(list) > 0 {
		return target{exe: list[0].path}
	}
	libs, _ := filepath.Glob(filepath.Join(dir, "lib*", "libpython3.[0-9]*"))
	for _, lib := range libs {
		if isLibrary(lib) {
			return libraryTarget(lib)
		}
	}
	return target{err: fmt.Errorf("%w: %s has neither bin/python3 nor lib/libpython3.X.so",
		ErrNotPython, dir)}
}

// libraryTarget looks for the executable that belongs to lib, and does without if there is none.
func libraryTarget(lib string) target {
	name, ok := parseLibrary(lib)
	if !ok {
		return target{err: fmt.Errorf("%w: %s is not named libpython3.X", ErrNotPython, lib)}
	}
	prefix, _ := name.home()
	exe := filepath.Join(prefix, "bin", "python"+name.version())
	if _, err := os.Stat(exe); prefix == "" || err != nil {
		exe = ""
	}
	return target{exe: exe, lib: lib}
}

// identity is the same for two targets that are one installation. A venv is one of its own,
// although its python is a link to that of the base.
func (t target) identity() string {
	if t.exe == "" {
		return realPath(t.lib)
	}
	if venv, _ := venvOf(t.exe); venv != "" {
		return realPath(venv)
	}
	return realPath(t.exe)
}

// facts asks the interpreter, or reads them off the library's place if there is none.
func (t target) facts(ctx context.Context) (probeFacts, error) {
	if t.exe != "" {
		return cachedProbe(ctx, t.exe)
	}
	name, _ := parseLibrary(t.lib)
	return name.facts(), nil
}

// venvOf is the venv that exe belongs to by CPython's rule, and when its pyvenv.cfg was written; ""
// if none.
func venvOf(exe string) (dir string, written time.Time) {
	bin := filepath.Dir(exe)
	for _, dir := range []string{bin, filepath.Dir(bin)} {
		if info, err := os.Stat(filepath.Join(dir, "pyvenv.cfg")); err == nil {
			return dir, info.ModTime()
		}
	}
	return "", time.Time{}
}
