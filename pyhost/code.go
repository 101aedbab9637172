package pyhost

import (
	"context"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/pyhost/pyhost/cgo"
)

// source identifies compiled code.
type source struct {
	text, file string
	op         cgo.Op
}

// codes keeps what was compiled last, so that the same source is compiled once.
type codes struct {
	mu  sync.Mutex // get and hold must be one step, or the entry may be evicted in between
	lru *lru.Cache[source, *held]
}

const (
	maxCodes  = 256
	maxSource = 64 << 10 // longer source is not kept: it is run once, as a rule
)

func (c *codes) init() {
	c.lru, _ = lru.NewWithEvict(maxCodes, func(_ source, h *held) { h.release() })
}

// get returns the code of src, held for the call, or 0.
func (c *codes) get(src source, call *call) cgo.Ptr {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.lru.Get(src)
	if !ok || !h.acquire() {
		return 0
	}
	call.held = append(call.held, h)
	return h.ptr
}

// keep takes the code object that a call has compiled.
func (c *codes) keep(rt *Runtime, call *call, p cgo.Ptr) {
	h := &held{rt: rt, ptr: p}
	h.count.Store(1)
	src := call.src
	if len(src.text) > maxSource {
		h.release()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(src) { // two goroutines compiled it at once
		h.release()
		return
	}
	c.lru.Add(src, h)
}

func (c *codes) close() { c.lru.Purge() }

// Exec runs Python code, by default as the module __main__. Any goroutine may call it. Code that is
// run again is compiled once.
func (rt *Runtime) Exec(ctx context.Context, code string, in ...Scope) error {
	return rt.code(ctx, cgo.OpExec, code, nil, in)
}

// Eval evaluates a Python expression and decodes the result into out, a pointer; nil drops it. How
// values become those of Go, and which fields of a struct they fill, is told at the top of this
// package. Any goroutine may call it.
func (rt *Runtime) Eval(ctx context.Context, expr string, out any, in ...Scope) error {
	return rt.code(ctx, cgo.OpEval, expr, out, in)
}

func newSource(op cgo.Op, text string) source {
	if op == cgo.OpEval {
		return source{text, "<eval>", op}
	}
	return source{text, "<exec>", op}
}

func (rt *Runtime) code(ctx context.Context, op cgo.Op, text string, out any, in []Scope) error {
	c := getCall()
	c.rt, c.op, c.what, c.src = rt, op, 0, newSource(op, text)
	if err := c.encodeCode(rt, in); err != nil {
		c.put()
		return err
	}
	c.label = c.src.file
	return rt.do(ctx, c, out)
}

func (c *call) encodeCode(rt *Runtime, in []Scope) error {
	var ns cgo.Ptr
	if len(in) > 1 {
		return fmt.Errorf("pyhost: %d scopes given: want one at most", len(in))
	}
	if len(in) == 1 {
		if in[0].File != "" {
			c.src.file = in[0].File
		}
		if n := in[0].Namespace; n != nil {
			p, err := n.ref.borrow(c)
			if err != nil {
				return err
			}
			ns = p
		}
	}
	return c.encodeSource(rt, ns)
}

func (c *call) encodeSource(rt *Runtime, ns cgo.Ptr) error {
	if hasNUL(c.src.text) {
		return fmt.Errorf("pyhost: source of %s holds a NUL", c.src.file)
	}
	if hasNUL(c.src.file) {
		return fmt.Errorf("pyhost: file name %q holds a NUL", c.src.file)
	}
	code := rt.codes.get(c.src, c)
	c.enc.Number(uint64(code))
	c.enc.Number(uint64(ns))
	if code == 0 {
		c.enc.Buf = append(append(c.enc.Buf, c.src.text...), 0)
		c.enc.Buf = append(append(c.enc.Buf, c.src.file...), 0)
	}
	return nil
}
