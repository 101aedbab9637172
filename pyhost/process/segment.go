//go:build linux

package process

import (
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Long values lie in segments: memory of a memfd that both processes have mapped. The parent makes
// them all, and sends each over the socket once; neither side can change its size. Some are for the
// parent to write, the others for the worker. Whoever writes to one owns it until the other side
// gives it back: the result of a call gives back that of its arguments, kindFree that of a result.
// They are used again, because to fault new pages in takes longer than to fill them.
type segment struct {
	id      uint32
	mem     []byte // valid while the segment is in reach: use runtime.KeepAlive
	cleanup runtime.Cleanup
}

const (
	minSegment   = 1 << 20
	minStep      = 16 // bits
	maxSegment   = 1 << 40
	keepSegments = 64 << 20 // bytes of idle segments; beyond that one is unmapped
)

// newSegment makes one; the file is to be sent.
func newSegment(id uint32, size uint64) (*segment, *os.File, error) {
	size = max(size, minSegment)
	if size > maxSegment {
		return nil, nil, fmt.Errorf("%d bytes are too many for one value", size)
	}
	step := uint64(1) << max(bits.Len64(size)-4, minStep)
	size = (size + step - 1) / step * step // so that it is likely to fit the next
	f, err := memfd("pyhost segment", unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, nil, err
	}
	// All of it is there from now on: to write to a page that cannot be had would end the program.
	err = unix.Fallocate(int(f.Fd()), 0, 0, int64(size))
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS,
			unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	var s *segment
	if err == nil {
		s, err = mapSegment(id, int(f.Fd()), size)
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("memfd of %d bytes: %w", size, err)
	}
	return s, f, nil
}

func memfd(name string, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|flags)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func mapSegment(id uint32, fd int, size uint64) (*segment, error) {
	mem, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	s := &segment{id: id, mem: mem}
	s.cleanup = runtime.AddCleanup(s, func(mem []byte) { _ = unix.Munmap(mem) }, mem)
	return s, nil
}

// unmap is for one that nobody uses; others are left to the collector.
func (s *segment) unmap() {
	s.cleanup.Stop()
	_ = unix.Munmap(s.mem)
}

// shelf knows the segments of one process, and which of them are free for it to write to.
type shelf struct {
	mu    sync.Mutex
	all   map[uint32]*segment
	idle  []*segment
	wants []want // that no idle one meets
	last  uint32
	over  bool
}

// want is of somebody who waits for a segment of a size; nil: there will be none.
type want struct {
	size uint64
	got  chan *segment
}

func newShelf() *shelf { return &shelf{all: map[uint32]*segment{}} }

// take gives the smallest idle segment of the size, or nil.
func (s *shelf) take(size uint64) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeIdle(size)
}

func (s *shelf) takeIdle(size uint64) *segment {
	best := -1
	for i, seg := range s.idle {
		if uint64(len(seg.mem)) >= size && (best < 0 || len(seg.mem) < len(s.idle[best].mem)) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	seg := s.idle[best]
	s.idle = append(s.idle[:best], s.idle[best+1:]...)
	return seg
}

// wait is take, once there is one, or the shelf is closed: nil. Where there is none ask asks for
// it, after the want is known: else what comes could be given to another.
func (s *shelf) wait(size uint64, ask func()) *segment {
	s.mu.Lock()
	if seg := s.takeIdle(size); seg != nil || s.over {
		s.mu.Unlock()
		return seg
	}
	w := want{size, make(chan *segment, 1)}
	s.wants = append(s.wants, w)
	s.mu.Unlock()
	ask()
	return <-w.got
}

// put lays one that is free back, or gives it to who waits. What it returns is one idle segment too
// many: it is forgotten, and the other side is to be told.
func (s *shelf) put(seg *segment) (drop *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.give(seg) {
		return nil
	}
	s.idle = append(s.idle, seg)
	sum, largest := 0, 0
	for i, seg := range s.idle {
		sum += len(seg.mem)
		if len(seg.mem) > len(s.idle[largest].mem) {
			largest = i
		}
	}
	if sum <= keepSegments {
		return nil
	}
	drop = s.idle[largest]
	s.idle = append(s.idle[:largest], s.idle[largest+1:]...)
	delete(s.all, drop.id)
	return drop
}

// give gives it to who waits for the most that it has room for: so that each segment that was asked
// for meets a want, in whatever order they come, and nobody waits until another's is free again.
func (s *shelf) give(seg *segment) bool {
	most := -1
	for i, w := range s.wants {
		if w.size <= uint64(len(seg.mem)) && (most < 0 || w.size > s.wants[most].size) {
			most = i
		}
	}
	if most < 0 {
		return false
	}
	s.wants[most].got <- seg
	s.wants = slices.Delete(s.wants, most, most+1)
	return true
}

func (s *shelf) number() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	return s.last
}

func (s *shelf) add(seg *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.all[seg.id] = seg
	}
}

func (s *shelf) get(id uint32) (*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg := s.all[id]
	if seg == nil {
		return nil, errProtocol
	}
	return seg, nil
}

// forget leaves one to the collector.
func (s *shelf) forget(id uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// close unmaps what nobody uses.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, w := range s.wants {
		w.got <- nil
	}
	for _, seg := range s.idle {
		seg.unmap()
	}
	s.all, s.idle, s.wants = nil, nil, nil
}
