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

	mu     sync.Mutex
	more   sync.Cond // copied has grown, or over is true
	taken  int64     // bytes off the pipe; guarded by mu, as is the rest
	copied int64     // bytes of them that are with the writer
	tail   []byte
	over   bool
}

const keepTail = 4 << 10

func newStream(pipe *os.File, to io.Writer) (*stream, error) {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &stream{pipe: pipe, raw: raw, to: to, done: make(chan struct{})}
	s.more.L = &s.mu
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
		s.copied += int64(n)
		s.over = err != nil || n == 0
		s.more.Broadcast()
		over := s.over
		s.mu.Unlock()
		if over {
			s.pipe.Close()
			return
		}
	}
}

// read takes what is there and counts it in one step, so that settle sees it in the pipe or here.
func (s *stream) read(buf []byte) (n int, err error) {
	rawErr := s.raw.Read(func(fd uintptr) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		n, err = syscall.Read(int(fd), buf)
		s.taken += int64(max(n, 0))
		return !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return max(n, 0), errors.Join(rawErr, err)
}

// settle waits until what was written so far is with the writer.
func (s *stream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for until := s.taken + s.waiting(); !s.over && s.copied < until; {
		s.more.Wait()
	}
}

// waiting is the number of bytes in the pipe.
func (s *stream) waiting() int64 {
	n := 0
	_ = s.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return int64(n)
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
