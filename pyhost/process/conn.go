package process

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// conn is one end of the socket. Whoever has a frame to send appends it to out; a lone one writes it
// at once, and where there are more a goroutine writes them, many at a time.
type conn struct {
	sock *net.UnixConn
	wake chan struct{} // has the writer write; closed with the connection
	end  sync.Once

	mu       sync.Mutex
	out      []byte   // guarded by mu, as are the rest
	rights   []rights // descriptors that go with parts of out
	spare    []byte
	writing  bool // somebody writes, or was told to
	finished bool
}

// rights is a descriptor that goes with the frame at a place in out.
type rights struct {
	at   int
	file *os.File
}

func newConn(f *os.File) (*conn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	sock, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("not a Unix socket"), c.Close())
	}
	conn := &conn{sock: sock, wake: make(chan struct{}, 1)}
	go conn.writer()
	return conn, nil
}

// close may be called again.
func (c *conn) close() {
	c.end.Do(func() {
		c.mu.Lock()
		c.finished = true
		close(c.wake)
		for _, r := range c.rights {
			r.file.Close()
		}
		c.rights = nil
		c.mu.Unlock()
		c.sock.Close()
	})
}

// send appends a frame, and sees that it is written. others: more are likely to come at once, so
// that it pays to wait for them.
func (c *conn) send(f frame, fill func([]byte) []byte, others bool) {
	c.mu.Lock()
	c.out = appendFrame(c.out, f, fill)
	c.flush(others)
}

// sendFile sends a descriptor with the frame, and closes it.
func (c *conn) sendFile(f frame, file *os.File) {
	c.mu.Lock()
	if c.finished {
		c.mu.Unlock()
		file.Close()
		return
	}
	c.rights = append(c.rights, rights{len(c.out), file})
	c.out = appendFrame(c.out, f, nil)
	c.flush(false)
}

// flush is called with mu held, and gives it back.
func (c *conn) flush(others bool) {
	if c.writing || c.finished {
		c.mu.Unlock()
		return
	}
	c.writing = true
	if !others {
		c.writeOnce()
		if len(c.out) == 0 {
			c.writing = false
			c.mu.Unlock()
			return
		}
	}
	c.tell()
	c.mu.Unlock()
}

// tell wakes the writer. Under mu.
func (c *conn) tell() {
	if c.finished {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) writer() {
	for range c.wake {
		for more := true; more; {
			runtime.Gosched() // lets those who are about to send append theirs
			c.mu.Lock()
			c.writeOnce()
			more = len(c.out) > 0 && !c.finished
			c.writing = more
			c.mu.Unlock()
		}
	}
}

const keepOut = 1 << 20 // a longer buffer is left to the collector

// writeOnce writes what there is. It gives mu up meanwhile. An error ends the connection: whoever
// reads sees that.
func (c *conn) writeOnce() {
	buf, files := c.out, c.rights
	c.out, c.rights = c.spare[:0], nil
	c.mu.Unlock()
	err := write(c.sock, buf, files)
	if err != nil {
		_ = c.sock.CloseRead()
	}
	c.mu.Lock()
	if cap(buf) <= keepOut {
		c.spare = buf
	} else {
		c.spare = nil
	}
}

func write(sock *net.UnixConn, buf []byte, files []rights) error {
	at := 0
	var errs []error
	for _, r := range files {
		_, err := sock.Write(buf[at:r.at])
		n := 0
		if err == nil {
			n, _, err = sock.WriteMsgUnix(buf[r.at:r.at+headerSize],
				syscall.UnixRights(int(r.file.Fd())), nil)
		}
		r.file.Close()
		errs = append(errs, err)
		at = r.at + n
	}
	_, err := sock.Write(buf[at:])
	return errors.Join(append(errs, err)...)
}

// read hands each frame to handle until one is bad, or the connection ends: io.EOF.
func (c *conn) read(handle func(frame, *inbox) error) error {
	in := &inbox{sock: c.sock, buf: make([]byte, 64<<10), oob: make([]byte, 256)}
	defer in.drop()
	for {
		if err := in.fill(); err != nil {
			return err
		}
		for {
			f, n, err := parseFrame(in.buf[in.from:in.to])
			if err == nil && n > 0 {
				in.from += n
				err = handle(f, in)
			}
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
}

// inbox is what has come and was not read yet.
type inbox struct {
	sock     *net.UnixConn
	buf, oob []byte
	from, to int
	fds      []int
}

// fill waits for more.
func (in *inbox) fill() error {
	if in.from > 0 {
		in.to = copy(in.buf, in.buf[in.from:in.to])
		in.from = 0
	}
	if in.to == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	n, oobn, _, _, err := in.sock.ReadMsgUnix(in.buf[in.to:], in.oob)
	if err != nil {
		return err
	}
	if oobn > 0 {
		in.receive(in.oob[:oobn])
	}
	if n == 0 {
		return io.EOF
	}
	in.to += n
	return nil
}

func (in *inbox) receive(oob []byte) {
	msgs, _ := syscall.ParseSocketControlMessage(oob)
	for _, m := range msgs {
		fds, _ := syscall.ParseUnixRights(&m)
		in.fds = append(in.fds, fds...)
	}
}

// fd is the descriptor that came with the frame at hand.
func (in *inbox) fd() (int, error) {
	if len(in.fds) == 0 {
		return -1, errProtocol
	}
	fd := in.fds[0]
	in.fds = in.fds[1:]
	return fd, nil
}

func (in *inbox) drop() {
	for _, fd := range in.fds {
		_ = syscall.Close(fd)
	}
}

// expect bounds the wait for the next frame; 0 does not.
func (c *conn) expect(limit time.Duration) {
	var by time.Time
	if limit > 0 {
		by = time.Now().Add(limit)
	}
	_ = c.sock.SetReadDeadline(by)
}
