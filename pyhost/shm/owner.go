//go:build linux

package shm

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// owner is a file beside the segments of a prefix that is locked as long as they are somebody's.
// Locks are the kernel's (flock): unlike a process id they are given to nobody else, and they hold
// between containers.
//
// Invariants: the file gets its name when it is locked, and loses it after the segments have lost
// theirs. So a file with a name whose lock is free has no owner any more.
type owner struct {
	token string
	fd    int
}

// ownerName is of all owners; the prefix of the segments is the same with _ for .lock.
var ownerName = regexp.MustCompile(`^pyhost_([0-9a-f]{16})\.lock$`)

func (o *owner) name() string   { return "pyhost_" + o.token + ".lock" }
func (o *owner) prefix() string { return "pyhost_" + o.token + "_" }

func newOwner() (*owner, error) {
	fd, err := newFile()
	if err != nil {
		return nil, err
	}
	o := &owner{token: random(8), fd: fd}
	err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		err = link(fd, o.name())
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return o, nil
}

// release unlinks everything, and lets the lock go.
func (o *owner) release() error { return errors.Join(o.unlink(), unix.Close(o.fd)) }

// unlink is for who holds the lock. What others have unlinked is no error.
func (o *owner) unlink() error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), o.prefix()) {
			err = errors.Join(err, unlinkIfThere(e.Name()))
		}
	}
	return errors.Join(err, unlinkIfThere(o.name()))
}

func unlinkIfThere(name string) error {
	if err := Unlink(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// inherit opens the file of an owner and locks it, with LOCK_NB or when its owner ends. It is nil
// if there is no such file of this user's, or it is locked.
func inherit(token string, flags int) *owner {
	o := &owner{token: token}
	if !ownerName.MatchString(o.name()) {
		return nil
	}
	fd, err := openFile(o.name(), unix.O_RDONLY)
	if err != nil {
		return nil
	}
	o.fd = fd
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && int(st.Uid) == os.Geteuid() {
		_, err = retry(func() (int, error) { return 0, unix.Flock(fd, unix.LOCK_EX|flags) })
		if err == nil {
			return o
		}
	}
	unix.Close(fd)
	return nil
}

// reap removes what owners left that have ended. What cannot be removed is for the next time.
func reap() {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		match := ownerName.FindStringSubmatch(e.Name())
		if match == nil {
			continue
		}
		if o := inherit(match[1], unix.LOCK_NB); o != nil {
			_ = o.release()
		}
	}
}
