package pyhost

import (
	"cmp"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// A candidate is a place that may hold a Python.
type candidate struct {
	path   string // an executable, a folder or a libpython; "" for the bundled one
	source string
	chosen bool // an error if it can't be used, never passed over
}

const sourceBundled = "bundled"

// unpackBundled is set by the init of package bundled and only read later.
var unpackBundled func() (prefix string, err error)

// RegisterBundled makes the Python that unpack returns the prefix of a candidate of [Open] and
// [Discover]. It is for the init function of a package that ships one, such as package bundled;
// unpack is called at each search that gets so far.
func RegisterBundled(unpack func() (prefix string, err error)) { unpackBundled = unpack }

// targets yields the candidates in order of search with what each comes down to, each file once.
func targets(spec string) iter.Seq2[candidate, target] {
	return func(yield func(candidate, target) bool) {
		seen := map[string]bool{}
		for c := range candidates(spec) {
			t := c.resolve()
			id := t.identity()
			if seen[id] {
				continue
			}
			seen[id] = true
			if !yield(c, t) {
				return
			}
		}
	}
}

// candidates is lazy: where python3 on PATH will do, no folder is listed.
func candidates(spec string) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		lists := []func() []candidate{
			func() []candidate { return chosenPythons(spec) },
			pathPython, versionedPythons, installedPythons,
		}
		for _, list := range lists {
			for _, c := range list() {
				if !yield(c) {
					return
				}
			}
		}
	}
}

func chosenPythons(spec string) []candidate {
	list := []candidate{
		{spec, "Config.Python", true},
		{os.Getenv("PYHOST_PYTHON"), "PYHOST_PYTHON", true},
		{os.Getenv("VIRTUAL_ENV"), "VIRTUAL_ENV", true},
	}
	list = slices.DeleteFunc(list, func(c candidate) bool { return c.path == "" })
	if unpackBundled != nil {
		list = append(list, candidate{"", sourceBundled, true})
	}
	return list
}

func pathPython() []candidate {
	exe, err := exec.LookPath("python3")
	if err != nil {
		return nil
	}
	return []candidate{{exe, "PATH", false}}
}

// Places outside the user's home. Variables, so that tests can be alone on the machine.
var (
	systemFolders = []string{"/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"}
	systemGlobs   = []string{
		"/opt/python*",
		"/opt/python/*",
		"/Library/Frameworks/Python*.framework/Versions/*",
	}
)

// versionedPythons are python3.14, python3.13t … on PATH and in the system's folders.
func versionedPythons() []candidate {
	list := namedIn(filepath.SplitList(os.Getenv("PATH")), "PATH")
	return append(list, namedIn(systemFolders, "system")...)
}

var versionedName = regexp.MustCompile(`^python3\.\d+t?$`)

// namedIn passes over folders of shims: which version a shim runs depends on the working folder,
// and what they lead to is found among the installations.
func namedIn(folders []string, source string) []candidate {
	var paths []string
	for _, folder := range folders {
		if filepath.Base(folder) == "shims" {
			continue
		}
		entries, _ := os.ReadDir(folder)
		for _, entry := range entries {
			if versionedName.MatchString(entry.Name()) {
				paths = append(paths, filepath.Join(folder, entry.Name()))
			}
		}
	}
	return newestFirst(paths, source, "")
}

// installedPythons are those of version managers and of folders of their own.
func installedPythons() []candidate {
	data := cmp.Or(os.Getenv("XDG_DATA_HOME"), inHome(".local", "share"))
	uv := cmp.Or(os.Getenv("UV_PYTHON_INSTALL_DIR"), filepath.Join(data, "uv", "python"))
	mise := cmp.Or(os.Getenv("MISE_DATA_DIR"), filepath.Join(data, "mise"))
	asdf := cmp.Or(os.Getenv("ASDF_DATA_DIR"), inHome(".asdf"))

	list := prefixesIn("conda", os.Getenv("CONDA_PREFIX"))
	list = append(list, prefixesIn("pyenv", filepath.Join(pyenvRoot(), "versions", "*"))...)
	list = append(list, prefixesIn("uv", filepath.Join(uv, "*"))...)
	list = append(list, prefixesIn("mise", filepath.Join(mise, "installs", "python", "*"))...)
	list = append(list, prefixesIn("asdf", filepath.Join(asdf, "installs", "python", "*"))...)
	return append(list, prefixesIn("system", systemGlobs...)...)
}

func prefixesIn(source string, globs ...string) []candidate {
	var paths []string
	for _, glob := range globs {
		if filepath.IsAbs(glob) { // not so if the environment is without HOME
			matches, _ := filepath.Glob(filepath.Join(glob, "bin", "python3"))
			paths = append(paths, matches...)
		}
	}
	return newestFirst(paths, source, filepath.Join("bin", "python3"))
}

// newestFirst sorts by the version in the last element of each path less tail.
func newestFirst(paths []string, source, tail string) []candidate {
	slices.SortStableFunc(paths, func(a, b string) int {
		a, b = filepath.Base(a[:len(a)-len(tail)]), filepath.Base(b[:len(b)-len(tail)])
		return slices.Compare(versionOrder(b), versionOrder(a))
	})
	list := make([]candidate, len(paths))
	for i, path := range paths {
		list[i] = candidate{path, source, false}
	}
	return list
}

var versionInName = regexp.MustCompile(
	`(\d+)\.(\d+)(?:\.(\d+))?((?:a|b|rc)\d+|-dev)?(t\b|\+freethreaded)?`)

// versionOrder puts a later version higher, and those that nobody gets unasked below all others:
// pre-releases and free-threaded builds.
func versionOrder(name string) []int {
	m := versionInName.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	order := []int{1}
	if m[4]+m[5] != "" {
		order[0] = 0
	}
	for _, number := range m[1:4] {
		n, _ := strconv.Atoi(number)
		order = append(order, n)
	}
	return order
}

// inHome is "" without a home folder.
func inHome(elem ...string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(append([]string{home}, elem...)...)
}
