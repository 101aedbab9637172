package pyhost

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// alone makes the machine look as if it had no Python, cache or bundled Python, and returns an
// empty folder for the test's own.
func alone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"PYHOST_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX", "XDG_DATA_HOME",
		"PYENV_ROOT", "PYENV_VERSION", "PYENV_DIR", "UV_PYTHON_INSTALL_DIR", "MISE_DATA_DIR",
		"ASDF_DATA_DIR"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", filepath.Join(dir, "home"))
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("PATH", filepath.Join(dir, "empty"))
	t.Chdir(dir)
	folders, globs, bundled := systemFolders, systemGlobs, unpackBundled
	systemFolders, systemGlobs, unpackBundled = nil, nil, nil
	t.Cleanup(func() { systemFolders, systemGlobs, unpackBundled = folders, globs, bundled })
	return dir
}

// realPythons are the usable ones of the machine that have an executable.
func realPythons(t testing.TB) []Python {
	t.Helper()
	list := slices.DeleteFunc(Discover(context.Background()), func(p Python) bool {
		return !p.Usable() || p.Executable == ""
	})
	if len(list) == 0 {
		t.Skip("this machine has no usable Python of its own")
	}
	return list
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	return path
}

func writeStdlib(t *testing.T, dir string) {
	t.Helper()
	write(t, filepath.Join(dir, "os.py"), "", 0o644)
	write(t, filepath.Join(dir, "encodings", "__init__.py"), "", 0o644)
}

// writeLibrary writes no more of an ELF file than its header.
func writeLibrary(t *testing.T, path string, kind elf.Type, machine elf.Machine) string {
	t.Helper()
	header := elf.Header64{Type: uint16(kind), Machine: uint16(machine), Version: 1, Ehsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS] = byte(elf.ELFCLASS64)
	header.Ident[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	var text bytes.Buffer
	require.NoError(t, binary.Write(&text, binary.LittleEndian, header))
	return write(t, path, text.String(), 0o644)
}

// staticPython writes a prefix whose python is a script that answers as a build without a shared
// library does.
func staticPython(t *testing.T, prefix, version string) Python {
	t.Helper()
	facts := probeFacts{
		Implementation: "cpython", Version: version,
		Executable: filepath.Join(prefix, "bin", "python3"),
		Prefix:     prefix, BasePrefix: prefix,
	}
	_, err := fmt.Sscanf(version, "%d.%d", &facts.Major, &facts.Minor)
	require.NoError(t, err)
	minor := fmt.Sprintf("python%d.%d", facts.Major, facts.Minor)
	facts.Stdlib = filepath.Join(prefix, "lib", minor)
	facts.LibDir, facts.InstSoname = filepath.Join(prefix, "lib"), "lib"+minor+".a"
	writeStdlib(t, facts.Stdlib)
	answer, err := json.Marshal(facts)
	require.NoError(t, err)
	write(t, facts.Executable, fmt.Sprintf("#!/bin/sh\necho '%s'\n", answer), 0o755)
	return facts.python()
}

// sharedPython is staticPython with a library.
func sharedPython(t *testing.T, prefix, version string) Python {
	t.Helper()
	p := staticPython(t, prefix, version)
	name := "lib" + filepath.Base(p.Stdlib) + ".so.1.0"
	machine := elfMachines[runtime.GOARCH]
	p.Libpython = writeLibrary(t, filepath.Join(prefix, "lib", name), elf.ET_DYN, machine)
	return p
}

func makeVenv(t *testing.T, base Python, options ...string) string {
	t.Helper()
	t.Setenv("PYHOST_PYTHON", "")
	venv := filepath.Join(t.TempDir(), "venv")
	args := append([]string{"-I", "-m", "venv", "--without-pip"}, append(options, venv)...)
	out, err := exec.Command(base.Executable, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return venv
}
