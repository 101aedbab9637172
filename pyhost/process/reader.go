//go:build linux

package process

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// Who reads what a worker sends: the first that waits for an answer, until it has its own. It saves
// a switch of goroutines, and there are no answers to read when nobody waits. It passes the role on
// to a goroutine that is there for that if others wait too.

// role says who reads; under worker.mu.
type role struct {
	taken bool          // somebody reads, or was told to
	keep  bool          // there is more to come than answers
	wake  chan struct{} // passes the role to the goroutine
	over  chan struct{} // closed when nothing more will come
}

// listen sees that somebody reads, until quiet.
func (w *worker) listen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.role.keep = true
	if !w.role.taken {
		w.role.taken = true
		w.role.wake <- struct{}{}
	}
}

func (w *worker) quiet() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.role.keep = w.reaped || w.closing
}

// readOn is the goroutine.
func (w *worker) readOn() {
	for range w.role.wake {
		for more := true; more; more = w.stay() {
			if err := w.readSome(); err != nil {
				w.readEnd(err)
				return
			}
		}
	}
}

// stay gives the role up if there is nothing to read for. Where functions of Go are known, threads
// of Python may call them at any time.
func (w *worker) stay() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.role.taken = w.role.keep || len(w.calls) > 0 || w.table.alive.Load() > 0
	return w.role.taken
}

// lead reads until the call, which took the role, is answered, or its context ends.
func (w *worker) lead(ctx context.Context, c *call) (answered bool) {
	var stop func() bool
	poked := make(chan struct{})
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() {
			_ = w.sock.SetReadDeadline(time.Unix(1, 0))
			close(poked)
		})
	}
	var err error
	for !answered && err == nil {
		err = w.readSome()
		select {
		case <-c.done:
			answered = true
		default:
		}
	}
	if stop != nil && !stop() {
		<-poked
		w.resetDeadline()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
	}
	if err != nil {
		w.readEnd(err)
		return answered
	}
	if w.stay() {
		w.role.wake <- struct{}{}
	}
	return answered
}

// resetDeadline takes the one back by which a reader was woken, but not that of a worker's end.
func (w *worker) resetDeadline() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.reaped {
		_ = w.sock.SetReadDeadline(time.Time{})
	}
}

// readSome waits for more, and handles what has come.
func (w *worker) readSome() error {
	if err := w.in.fill(); err != nil {
		return err
	}
	for {
		f, ok, err := w.in.next()
		if err != nil || !ok {
			return err
		}
		if err := w.handle(f); err != nil {
			return err
		}
	}
}

// readEnd: the role is not taken again.
func (w *worker) readEnd(err error) {
	w.broken = errors.Is(err, errProtocol)
	close(w.role.over)
	if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) &&
		!errors.Is(err, syscall.ECONNRESET) {
		w.kill(err.Error())
	}
	w.kill("") // its socket is gone, and so should it be
}
