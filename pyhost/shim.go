package pyhost

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pyenvRoot is the folder of pyenv, whether it exists or not.
func pyenvRoot() string { return cmp.Or(os.Getenv("PYENV_ROOT"), inHome(".pyenv")) }

// unshim follows a shim of pyenv by pyenv's rules. The shim itself would do it too, in 50 ms of
// bash; it is returned where the rules give nothing, to speak for itself.
func unshim(path string) string {
	shims, name := filepath.Split(path)
	shims = filepath.Clean(shims)
	root := filepath.Dir(shims)
	if filepath.Base(shims) != "shims" || !exists(filepath.Join(root, "versions")) {
		return path
	}
	for _, version := range pyenvVersions(root) {
		if exe := pyenvExecutable(root, version, name); exe != "" {
			return exe
		}
	}
	return path
}

// pyenvVersions are the versions selected for the working folder.
func pyenvVersions(root string) []string {
	if env := os.Getenv("PYENV_VERSION"); env != "" {
		return strings.Split(env, ":")
	}
	dir, _ := os.Getwd()
	for _, from := range []string{os.Getenv("PYENV_DIR"), dir} {
		if versions := versionFileAbove(from); versions != nil {
			return versions
		}
	}
	if versions := readVersionFile(filepath.Join(root, "version")); versions != nil {
		return versions
	}
	return []string{"system"}
}

func versionFileAbove(dir string) []string {
	for filepath.IsAbs(dir) {
		if versions := readVersionFile(filepath.Join(dir, ".python-version")); versions != nil {
			return versions
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return nil
}

func readVersionFile(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var versions []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		versions = append(versions, strings.Fields(line)...)
	}
	return versions
}

// pyenvExecutable is "" if that version is not there or has no such program. "3.11" stands for the
// newest 3.11 installed.
func pyenvExecutable(root, version, name string) string {
	if version == "system" {
		return systemExecutable(filepath.Join(root, "shims"), name)
	}
	version = strings.TrimPrefix(version, "python-")
	folder := filepath.Join(root, "versions", version)
	if !exists(folder) {
		list, _ := filepath.Glob(folder + ".[0-9]*")
		if len(list) == 0 {
			return ""
		}
		folder = newestFirst(list, "", "")[0].path
	}
	if exe := filepath.Join(folder, "bin", name); exists(exe) {
		return exe
	}
	return ""
}

func systemExecutable(shims, name string) string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	i := slices.IndexFunc(dirs, func(dir string) bool {
		return filepath.Clean(dir) != shims && exists(filepath.Join(dir, name))
	})
	if i < 0 {
		return ""
	}
	return filepath.Join(dirs[i], name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
