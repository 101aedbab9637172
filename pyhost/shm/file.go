//go:build linux

package shm

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// mode is that of Python's segments.
const mode = 0o600

// newFile is one without a name yet.
func newFile() (fd int, err error) {
	fd, err = retry(func() (int, error) {
		return unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, mode)
	})
	if err != nil {
		return fd, fmt.Errorf("new file in %s: %w", dir, err)
	}
	return fd, nil
}

// link gives it its name, unless that is taken.
func link(fd int, name string) error {
	self := fmt.Sprintf("/proc/self/fd/%d", fd)
	return unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, path(name), unix.AT_SYMLINK_FOLLOW)
}

// openFile opens as shm_open does, and waits for no FIFO that has the name.
func openFile(name string, flags int) (fd int, err error) {
	flags |= unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK
	return retry(func() (int, error) { return unix.Open(path(name), flags, 0) })
}

// retry repeats what a signal has interrupted.
func retry(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// chunk is what is reserved in one go, in less than a millisecond: a signal undoes a call that is
// under way, and profilers send some all the time.
const chunk = 4 << 20

// reserve gives the file its size and the memory for it.
func reserve(fd, size int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return err
	}
	free := st.Bavail * uint64(st.Bsize)
	if st.Blocks > 0 && uint64(size) > free { // 0 blocks: without a limit
		return noSpace(size, free)
	}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return fmt.Errorf("%d bytes: %w", size, err)
	}
	for from := 0; from < size; from += chunk {
		n := min(chunk, size-from)
		_, err := retry(func() (int, error) {
			return 0, unix.Fallocate(fd, 0, int64(from), int64(n))
		})
		switch {
		case errors.Is(err, unix.EOPNOTSUPP): // then it is taken when it is written to
			return nil
		case errors.Is(err, unix.ENOSPC): // others have taken it meanwhile
			return noSpace(size, free)
		case err != nil:
			return fmt.Errorf("%d bytes: %w", size, err)
		}
	}
	return nil
}

func noSpace(size int, free uint64) error {
	return fmt.Errorf("%d bytes: %w: %d are free in %s", size, unix.ENOSPC, free, dir)
}
