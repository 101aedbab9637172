//go:build linux

package process

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// conn is one end of the socket. Whoever has a frame to send appends it to out; a lone one writes
// it at once, and where there are more a goroutine writes them, many at a time.
type conn struct {
	sock io.WriteCloser
	unix *net.UnixConn  // the same, where descriptors are sent
	fail func(error)    // is told when nothing can be written any more; may be nil
	done func([]uint16) // is told of slots once it was written; may be nil
	wake chan struct{}  // has the writer write; closed with the connection
	log  *journal       // what is sent, for when it does not come to that; may be nil
	pid  int            // of the worker whose end it is; 0: the program's
	end  sync.Once

	mu       sync.Mutex
	out      []byte   // guarded by mu, as are the rest
	rights   []rights // descriptors that go with parts of out
	spare    []byte
	slots    []uint16 // notes of calls whose results are in out
	freed    []uint16 // to be used for slots again
	writing  bool     // somebody writes, or was told to
	finished bool
}

// rights is a descriptor that goes with the frame at a place in out.
type rights struct {
	at   int
	file *os.File
}

func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	sock, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("not a Unix socket"), c.Close())
	}
	return sock, nil
}

func newConn(sock io.WriteCloser, unix *net.UnixConn) *conn {
	c := &conn{sock: sock, unix: unix, wake: make(chan struct{}, 1)}
	go c.writer()
	return c
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
// that it pays to wait for them; or the caller must not wait until there is room, as a reader.
func (c *conn) send(f frame, fill func([]byte) []byte, others bool) {
	c.mu.Lock()
	c.add(f, fill)
	c.flush(others)
}

// add is called with mu held. A copy of the worker, which C code has forked, ends here: it has the
// same socket, and would say everything once more.
func (c *conn) add(f frame, fill func([]byte) []byte) {
	if c.pid != 0 && c.pid != os.Getpid() {
		syscall.Exit(exitForked)
	}
	if c.finished {
		return
	}
	at := len(c.out)
	c.out = appendFrame(c.out, f, fill)
	if c.log != nil {
		c.log.add(c.out[at:])
	}
}

// hold appends a frame that goes with the next one.
func (c *conn) hold(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(f, nil)
}

// sendResult is send for the result of a call that is noted in a slot.
func (c *conn) sendResult(f frame, fill func([]byte) []byte, slot uint16, others bool) {
	c.mu.Lock()
	c.slots = append(c.slots, slot)
	c.add(f, fill)
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
	c.add(f, nil)
	c.flush(true)
}

// flush is called with mu held, and gives it back.
func (c *conn) flush(others bool) {
	if c.writing || c.finished {
		c.mu.Unlock()
		return
	}
	c.writing = true
	if !others && len(c.out) <= loneMost {
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

// crowd: where more calls than that are under way, frames are sent together. Fewer would wait for
// that longer than it saves.
const crowd = 8

// loneMost: what is longer is left to the writer, for the socket may have no room for it, and the
// other side may not read. A crowd's frames are, too, so that no caller is stopped by that.
const loneMost = 16 << 10

const keepOut = 1 << 20 // a longer buffer is left to the collector

// writeOnce writes what there is. It gives mu up meanwhile.
func (c *conn) writeOnce() {
	buf, files, slots := c.out, c.rights, c.slots
	c.out, c.rights, c.slots = c.spare[:0], nil, c.freed[:0]
	c.mu.Unlock()
	if err := c.write(buf, files); err != nil && c.fail != nil {
		c.fail(err)
	}
	if len(slots) > 0 {
		c.done(slots)
	}
	c.mu.Lock()
	c.freed = slots
	if cap(buf) <= keepOut {
		c.spare = buf
	} else {
		c.spare = nil
	}
}

func (c *conn) write(buf []byte, files []rights) error {
	at := 0
	var errs []error
	for _, r := range files {
		_, err := c.sock.Write(buf[at:r.at])
		n := 0
		if err == nil {
			n, _, err = c.unix.WriteMsgUnix(buf[r.at:r.at+headerSize],
				syscall.UnixRights(int(r.file.Fd())), nil)
		}
		r.file.Close()
		errs = append(errs, err)
		at = r.at + n
	}
	_, err := c.sock.Write(buf[at:])
	return errors.Join(append(errs, err)...)
}
