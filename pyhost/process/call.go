//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// call is one call of a worker on its way. It belongs to the goroutine that made it; between send
// and done the worker's reader fills in the answer.
type call struct {
	w     *worker
	label string // for errors
	req   request
	enc   cgo.Encoder
	marks cgo.Marks
	held  []func()      // give back the Refs in it
	done  chan struct{} // a token when it was answered, or the worker has ended
	funcs []newFunc     // of Go, that are told of with it
	parts []newPart     // of shared memory, likewise

	// Set before it is sent.
	id      uint64
	ctx     context.Context // for Go functions that are called meanwhile
	segment *segment        // of the arguments

	// The answer.
	result *segment
	status uint16
	reply  reply
	value  []byte // a copy of the inline value
	values goValues
	err    error

	place     place // it is to be taken back when it has to wait there; none: it may wait
	abandoned bool  // nobody waits for it; guarded by worker.mu
}

var calls = sync.Pool{New: func() any {
	c := &call{done: make(chan struct{}, 1)}
	c.enc.Layouts = true
	c.enc.Ref, c.enc.Class, c.enc.Marks = c.ref, c.class, &c.marks
	c.enc.Func, c.enc.Iterator, c.enc.Share = c.function, c.iterator, c.share
	return c
}}

func newCall(w *worker, op cgo.Op, label string) *call {
	c := calls.Get().(*call)
	c.w, c.label = w, label
	c.req = request{op: uint32(op), refs: c.req.refs[:0], gos: c.req.gos[:0],
		blobs: c.req.blobs[:0]}
	c.enc.Reset()
	c.marks.Refs, c.marks.Gos, c.marks.Fars = c.marks.Refs[:0], c.marks.Gos[:0], c.marks.Fars[:0]
	c.err, c.segment, c.result, c.abandoned, c.place = nil, nil, nil, false, place{}
	return c
}

// put gives the call back, when the worker does not know it any more.
func (c *call) put() {
	c.letGo()
	if cap(c.enc.Buf) <= keepOut {
		calls.Put(c)
	}
}

func (c *call) letGo() {
	for _, release := range c.held {
		release()
	}
	c.held, c.funcs, c.parts, c.values, c.ctx = nil, nil, nil, nil, nil
	clear(c.marks.Fars)
}

// ref encodes Refs to objects of the worker.
func (c *call) ref(v any) (cgo.Ptr, bool, error) {
	id, release, ok, err := pyhost.BorrowRemote(v, c.w)
	if release != nil {
		c.held = append(c.held, release)
	}
	return cgo.Ptr(id), ok, err
}

func (c *call) args(args []any) error {
	if n := len(args) - 1; n >= 0 {
		if kw, ok := args[n].(pyhost.Kw); ok {
			return c.enc.Args(args[:n], kw)
		}
	}
	return c.enc.Args(args, nil)
}

// pack makes the request of what was encoded. What is long goes into a segment.
func (c *call) pack() error {
	r := &c.req
	long := uint64(0)
	for _, f := range c.marks.Fars {
		long += uint64(len(f.Data))
	}
	apart := len(c.enc.Buf) > maxInline
	if apart {
		long += uint64(len(c.enc.Buf))
	}
	for _, at := range c.marks.Refs {
		r.refs = append(r.refs, uint32(at))
	}
	for _, at := range c.marks.Gos {
		r.gos = append(r.gos, uint32(at))
	}
	if len(r.name) > maxInline || (len(r.refs)+len(r.gos))*4+len(c.marks.Fars)*20 > maxBody/2 ||
		len(c.enc.Buf) > 1<<32-1 {
		return fmt.Errorf("process: call of %.100s: too many references or too long a name",
			c.label)
	}
	r.value = c.enc.Buf
	if long == 0 {
		return nil
	}
	seg := c.w.segs.take(long)
	if seg == nil {
		var err error
		if seg, err = c.w.newSegment(c.w.segs, long, 0); err != nil {
			return fmt.Errorf("process: call of %s: %w", c.label, err)
		}
	}
	c.segment, r.segment = seg, seg.id
	at := uint64(0)
	lay := func(b []byte) span {
		at += uint64(copy(seg.mem[at:], b))
		return span{at - uint64(len(b)), uint64(len(b))}
	}
	for _, f := range c.marks.Fars {
		r.blobs = append(r.blobs, blob{uint32(f.At), lay(f.Data)})
	}
	if apart {
		r.long, r.value = lay(c.enc.Buf), nil
	}
	return nil
}

// do sends the call, waits for its answer and decodes it into out. It gives the call back.
func (w *worker) do(ctx context.Context, c *call, out any) error {
	switch out.(type) {
	case nil:
		c.req.flags = cgo.FlagDrop
	case **pyhost.Ref:
		c.req.flags = cgo.FlagKeep
	}
	if ctx.Done() != nil {
		c.req.flags |= cgo.FlagCancellable
	}
	if c.place, _ = ctx.Value(recallKey{}).(place); c.place.batch != nil {
		c.req.flags |= flagRecall
	}
	var shape shapeID
	if c.req.flags&(cgo.FlagDrop|cgo.FlagKeep) == 0 {
		shape = shapeFor(out)
		c.req.shape = shape.number
	}
	if err := c.pack(); err != nil {
		c.put()
		return err
	}
	c.ctx = ctx
	lead, err := w.send(c, shape)
	if err != nil {
		w.recycle(w.segs, c.segment)
		c.put()
		return err
	}
	if !lead || !w.lead(ctx, c) {
		if err := w.wait(ctx, c); err != nil {
			return err
		}
	}
	defer c.put() // an Unmarshaler of the program's may panic
	return w.result(ctx, c, out)
}

// errNotSent is the error of a call that its worker has not begun and never will.
var errNotSent = errors.New("process: not sent")

// send tells too whether the caller is to read.
func (w *worker) send(c *call, shape shapeID) (lead bool, err error) {
	w.mu.Lock()
	if w.exit != nil || w.retired || w.closing {
		w.mu.Unlock()
		return false, errNotSent
	}
	w.last++
	c.id = w.last
	w.calls[c.id] = c
	w.live++
	// Whoever reads must not wait for room to write first: a lone call need not.
	lead = !w.role.taken && (c.place.batch == nil || c.place.first) && len(w.calls) == 1
	if !w.role.taken && !lead {
		w.role.wake <- struct{}{}
	}
	w.role.taken = true
	others := w.live > crowd
	w.tellShape(shape)
	w.tellFuncs(c)
	w.mu.Unlock()
	w.conn.send(frame{kind: kindCall, id: c.id}, c.req.append, others)
	return lead, nil
}

// tellShape tells the worker of a shape that it does not know, with the next frame. Under mu.
func (w *worker) tellShape(shape shapeID) {
	if shape.number != 0 && !w.shapes[shape.number] {
		w.shapes[shape.number] = true
		w.conn.hold(frame{kind: kindShape, id: uint64(shape.number), body: shape.nodes})
	}
}

// Call calls a function of the worker itself, whatever has taken its place.
func (w *worker) Call(ctx context.Context, name string, out any, args ...any) error {
	return w.try(ctx, cgo.OpCall, name, out, func(c *call) error {
		c.req.name = name
		return c.args(args)
	})
}

// CallRef calls an object of the worker.
func (w *worker) CallRef(ctx context.Context, ref *pyhost.Ref, out any, args ...any) error {
	return w.try(ctx, cgo.OpCallObject, ref.String(), out, func(c *call) error {
		p, _, err := c.ref(ref)
		c.req.object = uint64(p)
		if err != nil {
			return err
		}
		return c.args(args)
	})
}

// try makes one call; fill encodes what it needs.
func (w *worker) try(ctx context.Context, op cgo.Op, label string, out any,
	fill func(*call) error) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	err := w.attempt(ctx, op, label, out, fill)
	if errors.Is(err, errNotSent) {
		return ErrGone
	}
	return err
}

func (w *worker) attempt(ctx context.Context, op cgo.Op, label string, out any,
	fill func(*call) error) error {
	c := newCall(w, op, label)
	filled := false
	defer func() { // a Marshaler may panic
		if !filled {
			c.letGo()
		}
	}()
	err := fill(c)
	filled = true
	if err != nil {
		c.put()
		return fmt.Errorf("pyhost: call of %s: %w", label, err)
	}
	return w.do(ctx, c, out)
}
