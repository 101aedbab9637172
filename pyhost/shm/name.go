//go:build linux

package shm

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
)

// dir is where shm_open has its segments.
const dir = "/dev/shm"

func path(name string) string { return filepath.Join(dir, name) }

// maxName is NAME_MAX, of which shm_open takes all.
const maxName = 255

// checkName returns the name without the slash that it may begin with, as it does in POSIX.
func checkName(name string) (string, error) {
	bare := strings.TrimLeft(name, "/")
	switch {
	case bare == "" || bare == "." || bare == "..":
		return "", fmt.Errorf("%w: it names no file", ErrName)
	case len(bare) > maxName:
		return "", fmt.Errorf("%w: %d bytes are more than %d", ErrName, len(bare), maxName)
	}
	for _, c := range []byte(bare) {
		// Python's resource tracker is told of names in lines of ASCII with colons in them.
		if c <= ' ' || c > '~' || c == '/' || c == ':' {
			return "", fmt.Errorf("%w: %q in it", ErrName, c)
		}
	}
	return bare, nil
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: it ends the program first
	return hex.EncodeToString(b)
}

// newName is one like those that Python makes up.
func newName() string { return "psm_" + random(4) }
