//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// invocation is a call of a Go function by Python in a worker. It runs on a goroutine of its own.
type invocation struct {
	w        *worker
	fn       *newFunc
	id       uint64 // of the callback
	n        int    // arguments
	args     *call  // they are its answer
	answered atomic.Bool
}

// callback begins to serve one.
func (w *worker) callback(f frame) error {
	var cb callback
	if err := cb.parse(f.body); err != nil {
		return err
	}
	fn := w.table.function(cb.function)
	if fn == nil {
		return errProtocol
	}
	c := newCall(w, 0, fn.far.Name())
	c.reply = cb.reply
	c.value = append(c.value[:0], cb.value...)
	var err error
	if c.values, err = w.table.lookUp(cb.gos); err == nil && cb.segment != 0 {
		c.result, err = w.results.get(cb.segment)
	}
	if err != nil {
		return err
	}
	ctx := context.Background()
	w.mu.Lock()
	if outer := w.calls[cb.call]; outer != nil && outer.ctx != nil {
		ctx = outer.ctx
		if outer.place.batch != nil { // it, not the calls that the function makes
			ctx = context.WithValue(ctx, recallKey{}, nil)
		}
	}
	w.mu.Unlock()
	go (&invocation{w: w, fn: fn, id: f.id, n: int(cb.n), args: c}).serve(ctx)
	return nil
}

// serve calls the function and sends what came of it. The context is that of the call that Python
// serves, and ends with the worker, and when Close cancels calls. A function that goes on although
// it has ended is left to itself: Python is cancelled in time to be used again.
func (v *invocation) serve(ctx context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := v.w
	defer context.AfterFunc(w.life, func() { cancel(context.Cause(w.life)) })()
	late := make(chan *time.Timer, 1)
	stop := context.AfterFunc(ctx, func() {
		late <- time.AfterFunc(w.cfg.Grace/2, func() { v.answer(ctx, nil, ctx.Err()) })
	})
	result, err := v.call(ctx)
	if !stop() {
		(<-late).Stop()
	}
	v.answer(ctx, result, err)
	v.args.put()
}

var errGoexit = errors.New("runtime.Goexit was called, maybe by t.FailNow")

func (v *invocation) call(ctx context.Context) (result any, err error) {
	returned := false
	defer func() {
		if !returned { // the goroutine ends
			v.answer(ctx, nil, fmt.Errorf("%s: %w", v.fn.far.Name(), errGoexit))
		}
	}()
	value, blobs, seg, err := v.args.open()
	if seg != nil {
		defer v.w.free(seg)
	}
	if err == nil {
		d := v.w.decoder(v.args, value, blobs)
		result, err = v.fn.far.Call(ctx, d, v.n, func(p cgo.Ptr) { v.w.Release(uint64(p)) })
	}
	returned = true
	return result, err
}

// answer sends what came of the call, unless that was done.
func (v *invocation) answer(ctx context.Context, result any, err error) {
	if !v.answered.CompareAndSwap(false, true) {
		return
	}
	w := v.w
	f := frame{kind: kindAnswer, id: v.id}
	var c *call
	if err == nil {
		c, err = v.packed(func(e *cgo.Encoder) error { return e.Value(result) })
	}
	if c == nil {
		f.status = 1
		if c = v.raise(ctx, err); c == nil {
			w.kill("an error of Go could not be sent")
			return
		}
	}
	w.mu.Lock()
	if w.exit != nil {
		w.mu.Unlock()
		c.put()
		return
	}
	w.tellFuncs(c)
	if c.segment != nil {
		w.lent[c.segment.id] = c.segment
	}
	w.mu.Unlock()
	w.conn.send(f, c.req.append, false)
	c.put()
}

// packed encodes an answer. A Marshaler, or the error's own methods, may panic.
func (v *invocation) packed(encode func(*cgo.Encoder) error) (c *call, err error) {
	made := newCall(v.w, 0, v.fn.far.Name())
	defer func() {
		if r := recover(); r != nil {
			err = &pyhost.PanicError{Value: r, Stack: debug.Stack()}
		} else if err != nil {
			err = fmt.Errorf("result of %s: %w", v.fn.far.Name(), err)
		}
		if err != nil {
			made.letGo()
			c = nil
		}
	}()
	if err = encode(&made.enc); err == nil {
		err = made.pack()
	}
	return made, err
}

// raise makes the answer for an error; nil: it cannot be sent.
func (v *invocation) raise(ctx context.Context, err error) *call {
	for range 2 { // the second is for what came of the first
		number := v.w.table.addValue(err)
		c, failed := v.packed(func(e *cgo.Encoder) error {
			v.fn.far.Raise(ctx, err, e, cgo.GoPtr(number))
			return nil
		})
		if c != nil {
			return c
		}
		_ = v.w.table.forget(number)
		err = failed
	}
	return nil
}

// read takes the segment of an answer back.
func (w *worker) read(id uint64) error {
	w.mu.Lock()
	seg := w.lent[uint32(id)]
	delete(w.lent, uint32(id))
	w.mu.Unlock()
	if seg == nil {
		return errProtocol
	}
	w.recycle(w.segs, seg)
	return nil
}
