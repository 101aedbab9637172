package pyhost

import (
	"fmt"

	"github.com/pyhost/pyhost/pyhost/shm"
)

// SharedBuffer is a Buffer over a part of a shared memory segment, which begins so many bytes into
// it: any number of interpreters, and by the segment's name any number of processes, see the same
// memory. It is writable if the segment is. The segment stays mapped until the buffer is closed
// and Python's last view has gone, also when it is closed before, with shm.ErrInUse.
func SharedBuffer[T Item](s *shm.Segment, offset int, shape ...int) (*Buffer, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("pyhost: buffer: a length of %d", d)
		}
		n *= d
	}
	release, err := s.Hold()
	if err != nil {
		return nil, err
	}
	data, err := shm.Slice[T](s, offset, n)
	if err != nil {
		release()
		return nil, err
	}
	b, err := newBuffer(data, shape, s.ReadOnly())
	if err != nil {
		release()
		return nil, err
	}
	b.OnRelease(release)
	return b, nil
}
