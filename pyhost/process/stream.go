//go:build linux

package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stream copies what a worker writes to a descriptor into a writer, and keeps the last of it.
type stream struct {
	pipe *os.File
	raw  syscall.RawConn
	to   io.Writer
	done chan struct{} // closed when nothing will come any more

	mu   sync.Mutex
	idle sync.Cond // busy has become false
	busy bool      // what was read is on its way; guarded by mu, as is the rest
	tail []byte
	over bool
}

const keepTail = 4 << 10

func newStream(pipe *os.File, to io.Writer) (*stream, error) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &stream{pipe: pipe, raw: raw, to: to, done: make(chan struct{})}
	s.idle.L = &s.mu
	go s.copy()
	return s, nil
}

func (s *stream) copy() {
	defer close(s.done)
	buf := make([]byte, 32<<10)
	for {
		n, err := s.read(buf)
		if n > 0 {
			_, _ = s.to.Write(buf[:n]) // a writer that fails is not told by whom it could be
		}
		s.mu.Lock()
		s.tail = append(s.tail, buf[:n]...)
		s.tail = s.tail[max(0, len(s.tail)-keepTail):]
		s.busy, s.over = false, s.over || err != nil || n == 0
		s.idle.Broadcast()
		over := s.over
		s.mu.Unlock()
		if over {
			s.pipe.Close()
			return
		}
	}
}

// read takes what is there and sets busy in one step, so that settle sees it in the pipe or here.
func (s *stream) read(buf []byte) (n int, err error) {
	rawErr := s.raw.Read(func(fd uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		n, err = syscall.Read(int(fd), buf)
		s.busy = n > 0
		return !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return max(n, 0), errors.Join(rawErr, err)
}

// settle waits until what was written so far is with the writer.
func (s *stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.over && (s.busy || s.waiting()) {
		s.idle.Wait()
	}
}

func (s *stream) waiting() bool {
	n := 0
	err := s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return err == nil && n > 0
}

// finish takes what is left once the worker has ended: a process that it has started may hold the
// pipe open.
func (s *stream) finish() {
	_ = s.pipe.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	<-s.done
}

// last gives the last lines.
func (s *stream) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.tail
	if len(b) == keepTail {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return string(bytes.TrimRight(b, "\n"))
}
