//go:build linux

package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

func init() { programs["fills"] = fillMegabyte }

// fillMegabyte makes segments where there is 1 MB for them.
func fillMegabyte() error {
	if err := syscall.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m,mode=1777"); err != nil {
		return err
	}
	first, err := shm.Create("", 704<<10) // whole pages, whether they have 4, 16 or 64 KB
	if err != nil {
		return err
	}
	_, err = shm.Create("", 400<<10)
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the second: %w", err)
	}
	fmt.Println(err)
	for i := range first.Bytes() {
		first.Bytes()[i] = 1
	}
	second, err := shm.Create("", 300<<10)
	if err != nil {
		return err
	}
	return errors.Join(first.Unlink(), first.Close(), second.Unlink(), second.Close())
}

// Where there is little shared memory, Create tells of it, and what it has made can be written to.
func TestNoSpace(t *testing.T) {
	cmd := program(t, "fills")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("needs user namespaces, to mount a small /dev/shm:", err)
	}
	require.NoError(t, err)
	require.Contains(t, string(out),
		"409600 bytes: no space left on device: 327680 are free in /dev/shm")
}
