//go:build linux

package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"
)

// Segment is a segment of shared memory, mapped into this process. Any goroutine may use it; that
// nobody reads what another writes at the time, here or in another process, is up to the program.
//
// It stays mapped until Close: the collector does not unmap it, for it does not see slices of it.
type Segment struct {
	name     string
	readOnly bool

	mu     sync.RWMutex // guards the rest; whoever reads or writes data itself has it shared
	data   []byte       // nil when unmapped
	closed bool
	holds  int
}

// Create makes a segment of so many bytes, all 0, that only this user may open, as Python does. A
// name that exists is fs.ErrExist; "" has one made up. It comes to be in one step: others find
// all of it or nothing.
//
// The memory is reserved at once, some 0.2 s a gigabyte, that would else be spent at the first
// write to each page. Where there is too little of it, as in a container that has 64 MB of shared
// memory if nothing else is said, the error is syscall.ENOSPC, and not a SIGBUS at a later write.
//
// The segment outlives the program, unless somebody calls Unlink. See [Manager].
func Create(name string, size int) (*Segment, error) {
	if name != "" {
		bare, err := checkName(name)
		if err != nil {
			return nil, fmt.Errorf("shm: create %q: %w", name, err)
		}
		return create(bare, size)
	}
	for {
		s, err := create(newName(), size)
		if !errors.Is(err, fs.ErrExist) {
			return s, err
		}
	}
}

func create(name string, size int) (*Segment, error) {
	s, err := newSegment(name, size)
	if err != nil {
		return nil, fmt.Errorf("shm: create %q: %w", name, err)
	}
	return s, nil
}

func newSegment(name string, size int) (*Segment, error) {
	if size <= 0 {
		return nil, fmt.Errorf("%w: %d bytes", ErrSize, size)
	}
	fd, err := newFile()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if err := reserve(fd, size); err != nil {
		return nil, err
	}
	s := &Segment{name: name}
	if err := s.mmap(fd, size); err != nil {
		return nil, err
	}
	if err := link(fd, name); err != nil {
		return nil, errors.Join(err, unix.Munmap(s.data))
	}
	return s, nil
}

// Open maps a segment that Go or Python has made, all of it, for reading and writing. It must have
// size bytes at least, else the error is ErrShort; 0 takes it as it is.
//
// A segment that Python is about to make has no bytes for a moment: that is ErrShort too.
func Open(name string, size int) (*Segment, error) {
	return open(name, size, false)
}

// OpenReadOnly is Open for reading: what writes to the memory, in Go or C, is a fault that ends the
// program.
func OpenReadOnly(name string, size int) (*Segment, error) {
	return open(name, size, true)
}

func open(name string, size int, readOnly bool) (*Segment, error) {
	s := &Segment{readOnly: readOnly}
	err := s.open(name, size)
	if err != nil {
		return nil, fmt.Errorf("shm: open %q: %w", name, err)
	}
	return s, nil
}

func (s *Segment) open(name string, size int) (err error) {
	if s.name, err = checkName(name); err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("%w: %d bytes", ErrSize, size)
	}
	flags := unix.O_RDWR
	if s.readOnly {
		flags = unix.O_RDONLY
	}
	fd, err := openFile(s.name, flags)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%w: it is no segment", ErrName)
	}
	if st.Size < int64(max(size, 1)) {
		return fmt.Errorf("%w: it has %d bytes of %d", ErrShort, st.Size, max(size, 1))
	}
	return s.mmap(fd, int(st.Size))
}

func (s *Segment) mmap(fd, size int) (err error) {
	prot := unix.PROT_READ
	if !s.readOnly {
		prot |= unix.PROT_WRITE
	}
	s.data, err = unix.Mmap(fd, 0, size, prot, unix.MAP_SHARED)
	return err
}

// Name is what SharedMemory(name) in Python takes, without a slash.
func (s *Segment) Name() string { return s.name }

// ReadOnly tells whether it comes from OpenReadOnly.
func (s *Segment) ReadOnly() bool { return s.readOnly }

// Size is the number of bytes; 0 after Close. Linux has it to the byte, other systems round it up
// to pages: the other side should be told how much there is in it.
func (s *Segment) Size() int { return len(s.Bytes()) }

// Bytes is the memory; nil after Close. A slice of it, used after Close, is a fault that ends the
// program, as is one that lies beyond where another process has truncated the segment since.
func (s *Segment) Bytes() []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil
	}
	return s.data
}

// Hold keeps the memory mapped, beyond Close, until release is called: for somebody else who uses
// it, such as a Python object over it. A second call of release does nothing.
func (s *Segment) Hold() (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable("hold"); err != nil {
		return nil, err
	}
	s.holds++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holds--
		if s.closed && s.holds == 0 {
			_ = s.unmap() // cannot fail: the mapping is ours and whole
		}
	}), nil
}

// usable is to be called with mu held.
func (s *Segment) usable(what string) error {
	if s.closed || s.data == nil {
		return fmt.Errorf("shm: %s %q: %w", what, s.name, ErrClosed)
	}
	return nil
}

// Close unmaps the memory; the segment itself stays, for others. If it is held the error is
// ErrInUse and it is unmapped when the last one lets go. A second Close is ErrClosed.
func (s *Segment) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holds > 0 {
		s.closed = true
		return fmt.Errorf("shm: close %q: %w, %d times", s.name, ErrInUse, s.holds)
	}
	if err := s.usable("close"); err != nil {
		return err
	}
	s.closed = true
	return s.unmap()
}

func (s *Segment) unmap() error {
	err := unix.Munmap(s.data)
	s.data = nil
	return err
}

// Unlink removes the name, before or after Close. The memory goes when the last process has closed
// it. If the name is not there any more the error is fs.ErrNotExist.
func (s *Segment) Unlink() error { return Unlink(s.name) }

// Unlink removes the name of a segment.
func Unlink(name string) error {
	bare, err := checkName(name)
	if err == nil {
		err = unix.Unlink(path(bare))
	}
	if err != nil {
		return fmt.Errorf("shm: unlink %q: %w", name, err)
	}
	return nil
}
