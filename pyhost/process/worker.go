//go:build linux

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pyhost/pyhost/pyhost"
)

// worker is one process and the socket to it, from its start to its end. It is pyhost.Remote to the
// Refs of its objects.
type worker struct {
	cfg     *Config
	proc    *os.Process
	sock    *net.UnixConn
	conn    *conn
	crash   *os.File
	streams []*stream // of its stdout and stderr
	stderr  *stream
	audits  *stream
	settle  bool // what a call has written is to be there when it returns
	info    pyhost.Info
	since   time.Time
	segs    *shelf // to be written here
	results *shelf // to be written there
	gone    func(*worker)
	classes classes
	table   *table
	life    context.Context // of Go functions that it calls; ends with it, and when Close cancels
	endLife context.CancelCauseFunc

	installing sync.Mutex
	installed  atomic.Int64 // number of the last of the installs; changed under installing

	mu      sync.Mutex
	role    role                // of reading; guarded by mu
	broken  bool                // what has come is not what it has sent; its reader's
	in      *inbox              // its
	calls   map[uint64]*call    // sent and not answered; guarded by mu, as are the rest
	lent    map[uint32]*segment // with answers of callbacks in them
	last    uint64              // number of a call
	live    int                 // calls that somebody waits for
	shapes  map[uint32]bool     // that the worker knows
	retired bool                // it is to end when nobody waits for it any more
	closing bool                // it was told to close
	killed  string              // why
	reaped  bool                // its process number may be another's
	exit    *ExitError          // once it has ended
	closed  chan error          // gets what Close of its runtime returned
	done    chan struct{}       // closed when it has ended and everybody was told
	ready   chan error          // gets the outcome of the handshake
}

// hello is what a worker is told first.
type hello struct {
	Protocol int
	Python   pyhost.Python
	Config   pyhost.Config
	Limits   Limits
	Audit    bool // audit events are reported
}

// ready is what it says then.
type ready struct {
	Python pyhost.Python
	GIL    bool
	Err    string
}

const protocol = 3

// startWorker starts a process and waits until it is ready for calls. gone is called when it ends
// later.
func startWorker(ctx context.Context, cfg *Config, python pyhost.Python, gone func(*worker)) (
	*worker, error) {
	e, err := spawn(cfg)
	if err != nil {
		return nil, err
	}
	w := &worker{
		cfg: cfg, proc: e.proc, crash: e.crash, since: time.Now(), gone: gone,
		settle: cfg.Stdout != nil || cfg.Stderr != nil || cfg.reports(),
		segs:   newShelf(), results: newShelf(),
		table: newTable(), lent: map[uint32]*segment{},
		calls: map[uint64]*call{}, shapes: map[uint32]bool{}, closed: make(chan error, 1),
		done: make(chan struct{}), ready: make(chan error, 1),
	}
	w.life, w.endLife = context.WithCancelCause(context.Background())
	if err := w.connect(e); err != nil {
		w.endLife(err)
		_ = e.proc.Kill()
		_, _ = e.proc.Wait()
		e.close()
		return nil, fmt.Errorf("process: %w", err)
	}
	w.hello(python)
	if err := w.await(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// connect starts the goroutines that read what comes, and the one that waits for the end.
func (w *worker) connect(e *ends) error {
	var err error
	if w.sock, err = unixConn(e.socket); err != nil {
		return err
	}
	w.conn = newConn(w.sock, w.sock)
	errOut := io.Writer(os.Stderr)
	if w.cfg.Stderr != nil {
		errOut = w.cfg.Stderr
	}
	var errs [3]error
	w.stderr, errs[0] = newStream(e.err, errOut)
	w.streams = []*stream{w.stderr}
	if e.out != nil {
		var out *stream
		out, errs[1] = newStream(e.out, w.cfg.Stdout)
		w.streams = append(w.streams, out)
	}
	if e.aud != nil {
		w.audits, errs[2] = newStream(e.aud, w.cfg.Audit.Receiver())
		w.streams = append(w.streams, w.audits)
	}
	if err = errors.Join(append(errs[:], err)...); err != nil {
		return err
	}
	w.in = &inbox{buf: make([]byte, 64<<10), read: w.sock.Read}
	w.role = role{wake: make(chan struct{}, 1), over: make(chan struct{})}
	w.listen()
	go w.readOn()
	go w.watch()
	return nil
}

func (w *worker) hello(python pyhost.Python) {
	c := w.cfg
	body, err := json.Marshal(hello{
		Protocol: protocol, Python: python, Limits: c.Limits, Audit: c.reports(),
		Config: pyhost.Config{
			Args: c.Args, Path: c.Path, UseEnvironment: c.UseEnvironment, UserSite: c.UserSite,
			CurrentDir: c.CurrentDir, MaxThreads: c.MaxThreads, CloseTimeout: c.CloseTimeout,
			Audit: c.Audit, MemoryLimit: c.Limits.Memory,
		},
	})
	if err != nil || len(body) > maxBody {
		w.kill(fmt.Sprintf("its configuration cannot be sent: %d bytes, %v", len(body), err))
	}
	w.conn.send(frame{kind: kindHello, body: body}, nil, false)
}

// await waits for the handshake.
func (w *worker) await(ctx context.Context) error {
	limit := time.NewTimer(w.cfg.StartTimeout)
	defer limit.Stop()
	select {
	case err := <-w.ready:
		if err == nil {
			return nil
		}
		<-w.done
		return err
	case <-w.done:
		return w.exit.of("Start")
	case <-ctx.Done():
		w.kill("its start was cancelled")
		<-w.done
		return pyhost.NewCancelError(ctx, "Start")
	case <-limit.C:
		w.kill(fmt.Sprintf("it was not ready in %v", w.cfg.StartTimeout))
		<-w.done
		return w.exit.of("Start")
	}
}

// kill ends the process, and what it has started. why is for the error; an empty one is for a
// process that is likely to have ended of its own.
func (w *worker) kill(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reaped {
		return
	}
	if w.killed == "" {
		w.killed = why
	}
	if why == "" { // let it end as it does, so that its status tells
		time.AfterFunc(100*time.Millisecond, func() { w.kill("it has closed its socket") })
		return
	}
	_ = syscall.Kill(-w.proc.Pid, syscall.SIGKILL)
	_ = syscall.Kill(w.proc.Pid, syscall.SIGKILL) // it may have joined another group
}

// watch waits for the end of the process, and tells everybody.
func (w *worker) watch() {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, w.proc.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	w.mu.Lock()
	w.reaped = true
	w.mu.Unlock()
	_ = syscall.Kill(-w.proc.Pid, syscall.SIGKILL)
	state, err := w.proc.Wait()
	// What it sent before is read, unless another process holds the socket.
	_ = w.sock.SetReadDeadline(time.Now().Add(time.Second))
	w.listen()
	<-w.role.over
	close(w.role.wake)
	w.conn.close()
	for _, s := range w.streams {
		s.finish()
	}
	known := w.readRest()
	ran, stack := readBegun(w.crash)
	w.crash.Close()
	exit := w.exitError(state, err)
	exit.Stack = strings.TrimSpace(string(stack))
	w.mu.Lock()
	w.exit = exit
	calls := w.calls
	w.calls, w.live, w.lent = nil, 0, nil
	w.mu.Unlock()
	w.endLife(exit)
	w.table.close()
	for _, c := range calls {
		c.err = exit.of(c.label)
		if known && !ran[c.id] {
			c.err = errors.Join(errNotSent, c.err)
		}
		c.done <- struct{}{}
	}
	w.segs.close()
	w.results.close()
	w.gone(w)
	close(w.done)
}

// readRest handles the results that the worker had, but did not come to send. Nobody reads any
// more. False: there may be others, of calls that it has noted no more.
func (w *worker) readRest() bool {
	rest, known := unread(w.crash, w.in.total)
	w.in.buf = append(w.in.buf[:w.in.to:w.in.to], rest...)
	w.in.to = len(w.in.buf)
	for {
		f, ok, err := w.in.next()
		if err != nil || !ok {
			return known && err == nil && !w.broken
		}
		if f.kind == kindResult && w.answer(f) != nil {
			return false
		}
	}
}

// handle takes a frame from the worker.
func (w *worker) handle(f frame) error {
	switch f.kind {
	case kindResult:
		return w.answer(f)
	case kindReady:
		return w.greeted(f.body)
	case kindCallback:
		return w.callback(f)
	case kindForget:
		return w.table.forget(f.id)
	case kindRead:
		return w.read(f.id)
	case kindWant:
		_, err := w.newSegment(w.results, f.id, 1)
		return err
	case kindDrop:
		w.results.forget(uint32(f.id))
		return nil
	case kindClosed:
		var err error
		if !w.isClosing() {
			return errProtocol
		}
		if len(f.body) > 0 {
			err = errors.New(string(f.body))
		}
		select {
		case w.closed <- err:
		default:
		}
		return w.sock.CloseWrite() // which lets it end
	}
	return errProtocol
}

func (w *worker) greeted(body []byte) error {
	var r ready
	if err := json.Unmarshal(body, &r); err != nil {
		return errProtocol
	}
	w.info = pyhost.Info{Python: r.Python, Pid: w.proc.Pid, GIL: r.GIL}
	var err error
	if r.Err != "" {
		err = fmt.Errorf("process: Start: %s", r.Err)
	}
	select {
	case w.ready <- err:
		w.quiet()
		return nil
	default:
		return errProtocol // it has been ready before
	}
}

// newSegment makes one and sends it.
func (w *worker) newSegment(s *shelf, size uint64, theirs uint16) (*segment, error) {
	seg, file, err := newSegment(w.segs.number(), size)
	if err != nil {
		return nil, err
	}
	s.add(seg)
	body := appendSpan(nil, span{uint64(len(seg.mem)), 0})[:8]
	w.conn.sendFile(frame{kind: kindSegment, status: theirs, id: uint64(seg.id), body: body}, file)
	return seg, nil
}
