// Package bundled carries a CPython inside the Go binary, so that a program runs where no Python is
// installed. A program that wants it imports the package for its effect:
//
//	import _ "github.com/pyhost/pyhost/pyhost/bundled"
//
// [github.com/pyhost/pyhost/pyhost.Open] then prefers it to a python3 on PATH, but not to one that
// the user chose. It adds some 40 MB to the binary. At the first start it is unpacked into the
// user's cache folder, which takes a second or two; later starts compare the sizes of the files, in
// 2 to 5 ms.
package bundled

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/kluctl/go-embed-python/python"
	"github.com/pyhost/pyhost/pyhost"
)

func init() { pyhost.RegisterBundled(Unpack) }

var unpackOnce = sync.OnceValues(unpack)

// Unpack makes sure that the bundled Python lies unpacked on disk, and returns its prefix: the
// folder with bin/python3 and lib/libpython3.X.so. Any number of goroutines and processes may call
// it at once; the work is done by one, once a process. What a killed process left half-unpacked is
// completed.
func Unpack() (prefix string, err error) { return unpackOnce() }

// unpack falls back to the folder for temporary files where the user has no cache folder that can
// be written, as in many containers.
func unpack() (string, error) {
	var failed []error
	for _, folder := range []func() (string, error){cacheFolder, tempFolder} {
		dir, err := folder()
		if err == nil {
			dir, err = unpackInto(dir)
		}
		if err == nil {
			return dir, nil
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("unpacking the bundled Python: %w", errors.Join(failed...))
}

// unpackInto leaves the work to the library: it holds a file lock, ends the folder's name with a
// hash of the content, version and all, and writes each file that is missing or of another size.
func unpackInto(dir string) (string, error) {
	withHash := true
	embedded, err := python.NewEmbeddedPythonWithTmpDir(filepath.Join(dir, "python"), withHash)
	if err != nil {
		return "", err
	}
	return embedded.GetExtractedPath(), nil
}

func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "pyhost")
	return dir, os.MkdirAll(dir, 0o700)
}

// tempFolder may lie where every user can write: a folder there that another user made, or can
// write to, would let that user put code into this process.
func tempFolder() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pyhost-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	private := info.IsDir() && info.Mode().Perm()&0o022 == 0
	if !ok || int(owner.Uid) != os.Getuid() || !private {
		return "", fmt.Errorf("%s is not a folder of this user's alone", dir)
	}
	return dir, nil
}
