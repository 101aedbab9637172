//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// answer takes a result.
func (w *worker) answer(f frame) error {
	w.mu.Lock()
	c := w.calls[f.id]
	delete(w.calls, f.id)
	if c == nil {
		w.mu.Unlock()
		return errProtocol
	}
	abandoned := c.abandoned
	if !abandoned {
		w.live--
	}
	last := w.retired && w.live == 0
	w.mu.Unlock()
	w.recycle(w.segs, c.segment)
	c.segment = nil
	c.status = f.status
	err := c.reply.parse(f.body)
	if err == nil {
		c.values, err = w.table.lookUp(c.reply.gos)
	}
	if err == nil && c.reply.segment != 0 {
		c.result, err = w.results.get(c.reply.segment)
	}
	if err != nil {
		c.err = fmt.Errorf("process: call of %s: %w", c.label, err)
		c.done <- struct{}{}
		return err
	}
	c.value = append(c.value[:0], c.reply.value...)
	if abandoned {
		w.drop(c)
	} else {
		c.done <- struct{}{}
	}
	if last {
		w.kill("a call of it did not stop")
	}
	return nil
}

func (w *worker) recycle(s *shelf, seg *segment) {
	if seg == nil {
		return
	}
	if drop := s.put(seg); drop != nil {
		w.conn.send(frame{kind: kindDrop, id: uint64(drop.id)}, nil, true)
		drop.unmap()
	}
}

// result makes Go values of the answer.
func (w *worker) result(ctx context.Context, c *call, out any) error {
	if c.err != nil {
		return c.err
	}
	if w.settle {
		for _, s := range w.streams {
			s.settle()
		}
	}
	value, blobs, seg, err := c.open()
	if err != nil {
		return err
	}
	if seg != nil {
		defer runtime.KeepAlive(seg)
		defer w.free(seg)
	}
	status, sent := c.status&^statusSent, c.status&statusSent != 0
	switch status {
	case uint16(cgo.StatusOK):
		return w.decode(c, value, blobs, out)
	case statusObject:
		ref, ok := out.(**pyhost.Ref)
		if !ok {
			return errProtocol
		}
		f := fields{b: value}
		*ref = pyhost.NewRemoteRef(w, f.u64(), "object")
		return nil
	case statusRefused:
		if text := string(value); text != pyhost.ErrClosed.Error() {
			return errors.New(text)
		}
		return pyhost.ErrClosed
	case uint16(cgo.StatusNeverRan):
		if c.place.batch != nil && ctx.Err() == nil && !w.isClosing() {
			return errRecalled
		}
		return w.cancelled(ctx, c, nil)
	case uint16(cgo.StatusRaised):
		return w.raised(ctx, c, pyhost.RemoteError(w.decoder(c, value, blobs)), sent)
	}
	return pyhost.ErrNoMemory
}

// cancelled is what a call raises that was cancelled.
const cancelled = pyhost.ExceptionClass("pyhost.Cancelled")

func (w *worker) raised(ctx context.Context, c *call, err error, sent bool) error {
	var pe *pyhost.PythonError
	if !errors.As(err, &pe) {
		return err
	}
	if sent || errors.Is(pe, cancelled) && (ctx.Err() != nil || w.isClosing()) {
		return w.cancelled(ctx, c, pe)
	}
	return pe
}

func (w *worker) cancelled(ctx context.Context, c *call, pe *pyhost.PythonError) error {
	if ctx.Err() == nil {
		return pyhost.NewClosedError(c.label, pe)
	}
	err := pyhost.NewCancelError(ctx, c.label)
	err.Python = pe
	return err
}

func (w *worker) isClosing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}

// open finds the parts of the answer. Blobs are copied: a target may keep them.
func (c *call) open() (value []byte, blobs [][]byte, seg *segment, err error) {
	r := &c.reply
	if c.result == nil {
		return c.value, nil, nil, nil
	}
	value, seg = c.value, c.result
	if r.long.n > 0 {
		if value, err = r.long.in(seg.mem); err != nil {
			return nil, nil, seg, fmt.Errorf("process: call of %s: %w", c.label, err)
		}
	}
	for _, s := range r.blobs {
		b, err := s.in(seg.mem)
		if err != nil {
			return nil, nil, seg, fmt.Errorf("process: call of %s: %w", c.label, err)
		}
		blobs = append(blobs, slices.Clone(b))
	}
	runtime.KeepAlive(seg)
	return value, blobs, seg, nil
}

// free lets the worker write to the segment of a result again.
func (w *worker) free(seg *segment) {
	w.conn.send(frame{kind: kindFree, id: uint64(seg.id)}, nil, true)
}

func (w *worker) decode(c *call, value []byte, blobs [][]byte, out any) error {
	if out == nil || len(value) == 0 || cgo.DecodeScalar(value, out) {
		return nil
	}
	d := w.decoder(c, value, blobs)
	decoded := false
	defer func() { // an Unmarshaler may panic
		if !decoded {
			d.Drop(func(p cgo.Ptr) { w.Release(uint64(p)) })
		}
	}()
	if err := d.Into(out); err != nil {
		return fmt.Errorf("pyhost: %w", err)
	}
	decoded = true
	return nil
}

func (w *worker) decoder(c *call, value []byte, blobs [][]byte) *cgo.Decoder {
	object := func(p cgo.Ptr, typ string) any { return pyhost.NewRemoteRef(w, uint64(p), typ) }
	return &cgo.Decoder{Buf: value, Far: blobs, Class: w.typeOf, Object: object,
		Value: c.values.get}
}

// drop gives back what is in an answer that nobody wants.
func (w *worker) drop(c *call) {
	c.letGo()
	value, blobs, seg, err := c.open()
	if seg != nil {
		defer w.free(seg)
	}
	switch {
	case err != nil:
	case c.status&^statusSent == statusObject:
		f := fields{b: value}
		w.Release(f.u64())
	case c.status&^statusSent == uint16(cgo.StatusOK):
		w.decoder(c, value, blobs).Drop(func(p cgo.Ptr) { w.Release(uint64(p)) })
	}
}

// Gone is ErrGone once the worker has ended, or is about to.
func (w *worker) Gone() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.exit != nil || w.retired {
		return ErrGone
	}
	return nil
}

// Release gives a reference to an object of the worker back.
func (w *worker) Release(id uint64) {
	w.conn.send(frame{kind: kindRelease, id: id}, nil, true)
}
