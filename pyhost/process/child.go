//go:build linux

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// A program that was started as a worker is one from here on: its main never runs, nor do the init
// functions of packages that import this one.
//
// Go lets no thread that it has not started itself call Go before all init functions have returned,
// which in a worker they never do. So nothing that Python's own threads might do here may need Go:
// streams and audit events are written to descriptors, and calls of Go functions are relayed.
func init() {
	if fd, ok := os.LookupEnv(startVar); ok {
		_ = os.Unsetenv(startVar) // what the worker starts is no worker
		computes()
		// Not here: this goroutine is bound to the first thread, and each wake-up would cost a
		// switch of threads.
		go func() { os.Exit(work(fd)) }()
		select {}
	}
}

// Exit codes of a worker.
const (
	exitNoSocket = 125 // it was not started by this package, or by another version of it
	exitOrphan   = 124 // the program that started it has gone
	exitForked   = 123 // it is a copy of a worker, made by fork
)

func work(fd string) int {
	if n, err := strconv.Atoi(fd); err != nil || n != socketFd || !isSocket(n) {
		fmt.Fprintf(os.Stderr, "pyhost: %s=%q, but this is no worker process\n", startVar, fd)
		return exitNoSocket
	}
	closeInherited()
	c := newConn(os.NewFile(socketFd, "socket"), nil)
	c.pid = os.Getpid()
	s := &server{conn: c, shapes: map[uint32]cgo.Shape{}, cancels: map[uint64]context.CancelFunc{},
		recalls: map[uint64]context.CancelFunc{},
		objects: objects{held: map[cgo.Ptr]*object{}}, mine: newShelf(), theirs: newShelf(),
		jobs: make(chan *job), turn: turn{wake: make(chan struct{}, 1)},
		backlog: backlog{wake: make(chan struct{}, 1)}}
	s.outward.specs, s.outward.waiting = map[uint64]*cgo.FuncSpec{}, map[uint64]*waiter{}
	s.outward.parts = map[uint64]*pyhost.SharedPart{}
	s.in = &inbox{buf: make([]byte, 64<<10)}
	s.in.read = s.in.receiver(socketFd)
	c.fail = s.exit
	go s.watch()
	go cgo.Relay()
	s.read()
	select {}
}

// exit ends the worker, whatever it does.
func (s *server) exit(err error) {
	switch {
	case s.closing.Load():
		os.Exit(0)
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		os.Exit(exitOrphan)
	}
	fmt.Fprintln(os.Stderr, "pyhost: worker:", err)
	os.Exit(exitNoSocket)
}

func isSocket(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil
}

// closeInherited closes what came with exec but for what was meant to come: those descriptors are
// not close-on-exec, while all that Go has opened since are.
func closeInherited() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd < socketFd {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		switch {
		case err != nil || flags&unix.FD_CLOEXEC != 0:
		case fd <= auditFd:
			unix.CloseOnExec(fd)
		default:
			_ = unix.Close(fd)
		}
	}
}

// server is the worker's side. Its fields belong to the goroutine that reads, but for those that
// say otherwise.
type server struct {
	conn    *conn
	in      *inbox
	turn    turn    // any goroutine
	backlog backlog // any goroutine
	rt      *pyhost.Runtime
	shapes  map[uint32]cgo.Shape
	objects objects   // any goroutine
	begun   *begun    // any goroutine
	jobs    chan *job // to goroutines that are idle
	idle    atomic.Int64
	running atomic.Int64
	mine    *shelf // segments to be written here; any goroutine
	theirs  *shelf
	closing atomic.Bool // any goroutine
	outward outward     // any goroutine

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc // of the calls that can be cancelled; guarded by mu
	recalls map[uint64]context.CancelFunc // of those that can be taken back while they wait
}

func (s *server) handle(f frame) error {
	if (s.rt == nil) != (f.kind == kindHello) {
		return errProtocol
	}
	switch f.kind {
	case kindHello:
		return s.open(f.body)
	case kindCall:
		return s.call(f)
	case kindCancel:
		s.cancel(f.id)
	case kindRecall:
		s.recall(f.id)
	case kindShape:
		return s.shape(f)
	case kindFunc:
		return s.function(f)
	case kindBuffer:
		return s.buffer(f)
	case kindAnswer:
		return s.answered(f)
	case kindSegment:
		return s.segment(f)
	case kindFree:
		seg, err := s.mine.get(uint32(f.id))
		if err != nil {
			return err
		}
		s.recycle(seg)
	case kindDrop:
		s.theirs.forget(uint32(f.id))
	case kindRelease:
		s.objects.release(cgo.Ptr(f.id), s.rt.Interp())
	case kindClose:
		s.closing.Store(true)
		go s.close()
	default:
		return errProtocol
	}
	return nil
}

func (s *server) recycle(seg *segment) {
	if drop := s.mine.put(seg); drop != nil {
		s.conn.send(frame{kind: kindDrop, id: uint64(drop.id)}, nil, true)
		drop.unmap()
	}
}

// open starts Python. It says why it cannot, and ends.
func (s *server) open(body []byte) error {
	var h hello
	err := json.Unmarshal(body, &h)
	if err == nil && h.Protocol != protocol {
		err = fmt.Errorf("the program speaks version %d of the protocol, its worker %d",
			h.Protocol, protocol)
	}
	if err == nil {
		err = s.start(&h)
	}
	r := ready{}
	if err != nil {
		r.Err = err.Error()
	} else {
		info := s.rt.Info()
		r.Python, r.GIL = info.Python, info.GIL
	}
	body, jsonErr := json.Marshal(r)
	s.conn.send(frame{kind: kindReady, body: body}, nil, false)
	return errors.Join(err, jsonErr)
}

func (s *server) start(h *hello) error {
	err := h.Limits.before()
	if err == nil {
		s.begun, s.conn.log, err = mapBegun(crashFd)
	}
	if err != nil {
		return err
	}
	s.conn.done = s.begun.forget
	aud := 0
	if h.Audit {
		aud = auditFd
	}
	rt, err := pyhost.OpenWorker(h.Python, h.Config, aud)
	if err != nil {
		return err
	}
	s.rt = rt
	cgo.DefaultSignals()
	err = cgo.KeepSignalStack(func() error {
		return rt.Call(context.Background(), "_pyhost.dump_crashes", nil, crashFd)
	})
	if err != nil {
		return fmt.Errorf("faulthandler: %w", err)
	}
	return h.Limits.after(h.Config.MaxThreads)
}

func (s *server) close() {
	text := ""
	if err := s.rt.Close(); err != nil {
		text = err.Error()
	}
	// The other side closes the connection then.
	s.conn.send(frame{kind: kindClosed, body: []byte(text[:min(len(text), maxBody)])}, nil, false)
}

func (s *server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stop := s.cancels[id]; stop != nil {
		stop()
	}
}

func (s *server) recall(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stop := s.recalls[id]; stop != nil {
		stop()
	}
}

func (s *server) shape(f frame) error {
	var nodes []cgo.ShapeNode
	if err := json.Unmarshal(f.body, &nodes); err != nil {
		return errProtocol
	}
	shape, err := s.rt.Interp().BuildShape(nodes)
	s.shapes[uint32(f.id)] = shape
	return err
}

func (s *server) segment(f frame) error {
	fd, err := s.in.fd()
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	size := (&fields{b: f.body}).u64()
	if size > maxSegment {
		return errProtocol
	}
	seg, err := mapSegment(uint32(f.id), fd, size)
	if err != nil {
		return fmt.Errorf("memory of %d bytes: %w", size, err)
	}
	if f.status == 0 {
		s.theirs.add(seg)
		return nil
	}
	s.mine.add(seg)
	s.recycle(seg)
	return nil
}
