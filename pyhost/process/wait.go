//go:build linux

package process

import (
	"context"
	"errors"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// wait waits for the answer. An error tells that the call is the worker's now.
func (w *worker) wait(ctx context.Context, c *call) error {
	var late <-chan time.Time
	var wanted <-chan struct{}
	if b := c.place.batch; b != nil {
		t := time.NewTimer(b.patience)
		defer t.Stop()
		late, wanted = t.C, b.recalled
	}
	for {
		select {
		case <-c.done:
			return nil
		case <-late:
			w.recall(c)
		case <-wanted:
			wanted = nil
			w.recall(c)
		case <-ctx.Done():
			return w.giveUp(ctx, c)
		}
	}
}

// recall takes a call back if it waits in the worker, or the first of its batch, which may wait for
// it and cannot see to that itself while it reads.
func (w *worker) recall(c *call) {
	w.mu.Lock()
	ids := []uint64{c.id}
	for id, other := range w.calls {
		if other != c && other.place.batch == c.place.batch && other.place.first {
			ids = append(ids, id)
		}
	}
	w.mu.Unlock()
	for _, id := range ids {
		w.conn.send(frame{kind: kindRecall, id: id}, nil, false)
	}
}

// errRecalled is the error of a call that had to wait too long in its worker, and was taken back.
var errRecalled = errors.New("process: recalled")

// giveUp is for a call whose context has ended. Nil: it was answered all the same. It leaves the
// call to the worker otherwise, and the worker to its end.
func (w *worker) giveUp(ctx context.Context, c *call) error {
	w.conn.send(frame{kind: kindCancel, id: c.id}, nil, false)
	grace := time.NewTimer(w.cfg.Grace)
	defer grace.Stop()
	select {
	case <-c.done:
		return nil
	case <-grace.C:
	}
	w.mu.Lock()
	if w.exit != nil || w.calls[c.id] != c { // the answer is there now
		w.mu.Unlock()
		<-c.done
		return nil
	}
	c.abandoned = true
	w.live--
	w.mu.Unlock()
	err := pyhost.NewCancelError(ctx, c.label)
	err.Abandoned = true
	w.retire()
	return err
}

// retire has the worker replaced. It ends when nobody waits for it any more.
func (w *worker) retire() {
	w.mu.Lock()
	first := !w.retired
	w.retired = true
	idle := w.live == 0
	w.mu.Unlock()
	const why = "a call of it did not stop"
	if first {
		go w.gone(w)
	}
	if idle {
		w.kill(why)
	} else if first {
		time.AfterFunc(w.cfg.CloseTimeout, func() { w.kill(why) })
	}
}
