package pyhost

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost/shm"
)

// SharedBuffer is a Buffer over a part of a shared memory segment, which begins so many bytes into
// it: any number of interpreters, and by the segment's name any number of processes, see the same
// memory. It is writable if the segment is. The segment stays mapped until the buffer is closed
// and Python's last view has gone, also when it is closed before, with shm.ErrInUse.
//
// In a call of a process.Runtime it crosses by the segment's name, which must be there still: the
// worker maps the segment for itself, and keeps it as long as Python does.
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
	b.export.Far = &SharedPart{Name: s.Name(), Offset: offset, Shape: shape,
		Format: format(reflect.TypeFor[T]()), ItemSize: int(unsafe.Sizeof(*new(T))),
		ReadOnly: s.ReadOnly()}
	b.OnRelease(release)
	return b, nil
}

// SharedPart is a SharedBuffer as package process sends it. Programs have no use for it.
type SharedPart struct {
	Name             string
	Offset, ItemSize int
	Format           string
	Shape            []int
	ReadOnly         bool
}

// Attach maps the segment anew. It is unmapped when the Export has been dropped, and Python has no
// object of it any more.
func (p *SharedPart) Attach() (*cgo.Export, error) {
	size := p.ItemSize
	for _, n := range p.Shape {
		size *= n
	}
	open := shm.Open
	if p.ReadOnly {
		open = shm.OpenReadOnly
	}
	s, err := open(p.Name, p.Offset+size)
	if err != nil {
		return nil, err
	}
	data := unsafe.Pointer(unsafe.SliceData(s.Bytes()[p.Offset:]))
	e := cgo.NewExport(data, p.Format, p.ItemSize, p.Shape, p.ReadOnly)
	if e == nil {
		return nil, errors.Join(ErrNoMemory, s.Close())
	}
	e.OnRelease(func() { _ = s.Close() })
	return e, nil
}
