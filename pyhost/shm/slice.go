//go:build linux

package shm

import (
	"fmt"
	"unsafe"
)

// Item is what a slice of a segment may be made of: types that have the same form in Python's
// struct, array and numpy. For bool, whoever writes writes 0 and 1 only.
type Item interface {
	~bool | ~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr |
		~float32 | ~float64 | ~complex64 | ~complex128
}

// Slice is the memory of n items from the byte at offset on, which must be a multiple of the size
// of one. The same holds for it as for [Segment.Bytes].
func Slice[T Item](s *Segment, offset, n int) ([]T, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable("slice of"); err != nil {
		return nil, err
	}
	var zero T
	size := int(unsafe.Sizeof(zero))
	var err error
	switch {
	case offset < 0 || n < 0:
		err = fmt.Errorf("%w: %d items from byte %d on", ErrSize, n, offset)
	case offset%size != 0:
		err = fmt.Errorf("%w: byte %d, for items of %d bytes", ErrMisaligned, offset, size)
	case offset > len(s.data) || n > (len(s.data)-offset)/size:
		err = fmt.Errorf("%w: it has %d bytes, not %d items of %d from byte %d on",
			ErrShort, len(s.data), n, size, offset)
	}
	if err != nil {
		return nil, fmt.Errorf("shm: slice of %q: %w", s.name, err)
	}
	if n == 0 {
		return []T{}, nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&s.data[offset])), n), nil
}
