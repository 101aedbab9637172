package pyhost

import (
	"debug/elf"
	"debug/macho"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// isLibrary goes by the name: what the file holds is checked when it is known to be wanted.
func isLibrary(path string) bool {
	base := filepath.Base(path)
	return strings.HasSuffix(base, ".so") || strings.Contains(base, ".so.") ||
		strings.HasSuffix(base, ".dylib") || libraryPath.MatchString(path)
}

// libraryPath has version and build flags of /…/libpython3.13t.so.1.0 and of
// /…/Python.framework/Versions/3.13/Python.
var libraryPath = regexp.MustCompile(`(?:/libpython(\d+)\.(\d+)([a-z]*)\.(?:so|\d*\.?dylib)` +
	`|/PythonT?\.framework/Versions/(\d+)\.(\d+)(t?)/PythonT?$)`)

// A libraryName is what the path of a libpython tells.
type libraryName struct {
	path         string // without symbolic links
	major, minor int
	flags        string
}

func parseLibrary(path string) (libraryName, bool) {
	path = realPath(path)
	m := libraryPath.FindStringSubmatch(path)
	if m == nil {
		return libraryName{}, false
	}
	major, _ := strconv.Atoi(m[1] + m[4])
	minor, _ := strconv.Atoi(m[2] + m[5])
	return libraryName{path, major, minor, m[3] + m[6]}, true
}

func (n libraryName) freeThreaded() bool { return strings.Contains(n.flags, "t") }

// version is "3.13", or "3.13t" of a free-threaded build, as in the names of files.
func (n libraryName) version() string {
	if n.freeThreaded() {
		return fmt.Sprintf("%d.%dt", n.major, n.minor)
	}
	return fmt.Sprintf("%d.%d", n.major, n.minor)
}

// home finds the prefix and the standard library that belong to the library: in its folder, or at
// most two above it (lib/x86_64-linux-gnu). Never in the root folder: /lib may be another's.
func (n libraryName) home() (prefix, stdlib string) {
	dir := filepath.Dir(n.path)
	for range 3 {
		for _, lib := range []string{"lib", "lib64"} {
			stdlib := filepath.Join(dir, lib, "python"+n.version())
			if checkStdlib(stdlib) == nil && dir != filepath.Dir(dir) {
				return dir, stdlib
			}
		}
		dir = filepath.Dir(dir)
	}
	return "", ""
}

// facts are what can be known without an executable to ask.
func (n libraryName) facts() probeFacts {
	prefix, stdlib := n.home()
	return probeFacts{
		Implementation: "cpython",
		Major:          n.major, Minor: n.minor,
		Version: fmt.Sprintf("%d.%d", n.major, n.minor),
		Prefix:  prefix, BasePrefix: prefix, Stdlib: stdlib,
		FreeThreaded: n.freeThreaded(),
	}
}

// libpython finds the library of the interpreter that gave the facts. It looks in the
// installation's own folders first: where a relocated build says that it lies, another may be.
func (f probeFacts) libpython() (string, error) {
	base := f.BasePrefix
	dirs := []string{
		filepath.Join(base, "lib"),
		filepath.Join(base, "lib64"),
		filepath.Join(base, "lib", f.Multiarch),
		filepath.Join(filepath.Dir(realPath(f.Executable)), "..", "lib"),
		f.Framework,
		f.LibDir,
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !filepath.IsAbs(dir) })
	var wrong error
	for _, dir := range dirs {
		for _, name := range f.libraryNames() {
			path := filepath.Join(dir, name)
			err := checkLibrary(path)
			if err == nil {
				return path, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				wrong = err
			}
		}
	}
	if wrong != nil {
		return "", fmt.Errorf("%w: %w", ErrNoSharedLibrary, wrong)
	}
	return "", fmt.Errorf("%w; %s", ErrNoSharedLibrary, f.bringLibrary())
}

func (f probeFacts) libraryNames() []string {
	stem := fmt.Sprintf("libpython%d.%d%s", f.Major, f.Minor, f.AbiFlags)
	var names []string
	for _, name := range []string{f.InstSoname, f.LdLibrary} {
		if name != "" && !strings.HasSuffix(name, ".a") {
			names = append(names, name)
		}
	}
	if runtime.GOOS == "darwin" {
		return append(names, stem+".dylib")
	}
	return append(names, stem+".so.1.0", stem+".so")
}

// bringLibrary says what to do about a Python that was built, or installed, without its library.
func (f probeFacts) bringLibrary() string {
	minor := fmt.Sprintf("%d.%d", f.Major, f.Minor)
	switch {
	case strings.Contains(f.BasePrefix, "pyenv"):
		return "PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force " +
			filepath.Base(f.BasePrefix)
	case f.BasePrefix == "/usr":
		return fmt.Sprintf("Debian, Ubuntu: apt install libpython%s; "+
			"Fedora: dnf install python3-libs", minor)
	}
	return fmt.Sprintf("build it with ./configure --enable-shared, or use another: "+
		"apt install libpython%s, dnf install python3-libs or "+
		"PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install %s", minor, minor)
}

var elfMachines = map[string]elf.Machine{
	"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM,
	"riscv64": elf.EM_RISCV, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390,
	"loong64": elf.EM_LOONGARCH,
}

// checkLibrary says why path is no shared library that this process could load.
func checkLibrary(path string) error {
	if runtime.GOOS == "darwin" {
		return checkMachO(path)
	}
	file, err := elf.Open(path)
	if err != nil {
		return inFile(path, err)
	}
	defer file.Close()
	if file.Type != elf.ET_DYN {
		return fmt.Errorf("%s is no shared library", path)
	}
	if want, known := elfMachines[runtime.GOARCH]; known && file.Machine != want {
		return fmt.Errorf("%s is built for %v, this program for %v", path, file.Machine, want)
	}
	return nil
}

// checkMachO leaves a universal binary to the loader, which picks the architecture.
func checkMachO(path string) error {
	if fat, err := macho.OpenFat(path); err == nil {
		return fat.Close()
	}
	file, err := macho.Open(path)
	if err != nil {
		return inFile(path, err)
	}
	defer file.Close()
	want := map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}[runtime.GOARCH]
	if file.Type != macho.TypeDylib || file.Cpu != want {
		return fmt.Errorf("%s is no shared library for %v", path, want)
	}
	return nil
}

// inFile names the file in errors about what it holds; those of the file system name it already.
func inFile(path string, err error) error {
	var inFS *fs.PathError
	if errors.As(err, &inFS) {
		return err
	}
	return fmt.Errorf("%s is no library: %w", path, err)
}
