package pyhost

import (
	"context"
	"fmt"

	"github.com/pyhost/pyhost/cgo"
)

// What package process needs in a worker process: calls that come encoded and go encoded, so that
// no Go value is made of them there. Programs have no use for it.

// OpenWorker is Open with an installation that is known already. Audit reports are written to
// auditFd, if it is not 0. It is for this library's own packages.
func OpenWorker(p Python, cfg Config, auditFd int) (*Runtime, error) {
	return open(cfg, &p, auditFd)
}

// Interp is the runtime's interpreter. It is for this library's own packages.
func (rt *Runtime) Interp() *cgo.Interp { return rt.in }

// Served is an operation that another process has encoded. Whoever serves it sees that the objects
// in it live until it has run. It is for this library's own packages.
type Served struct {
	Op     cgo.Op  // OpCall, OpFind, OpCallObject, OpEval or OpExec
	Name   string  // of the function; of the file, for code
	Object cgo.Ptr // what OpCallObject calls; the namespace of code, or 0
	Arg    []byte  // the arguments, or the source
	Shape  cgo.Shape
	Flags  uint32 // cgo.FlagDrop, cgo.FlagKeep
	Begin  func() // is called inside, before it runs
	// Wait, if it is not nil, is the context of waiting at the gate; it does not end the call.
	Wait context.Context
	// Owner is what ServedBy gives to the Go functions that Python calls meanwhile.
	Owner any
}

// ServedBy is the Owner of what is served on the thread that calls a Go function, nil if nothing
// is. It is for this library's own packages.
func ServedBy(v *cgo.Invocation) any {
	if c := callOf(v); c != nil {
		return c.owner
	}
	return nil
}

// EnterFunction is to be called when Python calls a Go function of the worker, and leave when it
// returns. False: the runtime is closed. It is for this library's own packages.
func (rt *Runtime) EnterFunction(v *cgo.Invocation) (leave func(), ok bool) {
	stray, ok := rt.enterFunction(v)
	if stray && ok {
		return rt.leaveFunction, true
	}
	return func() {}, ok
}

// Outcome is what came out of it. Value and Blobs are C's memory. It is for this library's own
// packages.
type Outcome struct {
	Status cgo.Status
	Value  []byte   // the value, or the exception
	Blobs  [][]byte // of the value
	Object cgo.Ptr  // with FlagKeep: a reference that is the receiver's from now on
	Sent   bool     // an exception was set to cancel it
}

// Serve waits at the gate, runs s on this goroutine and hands its outcome to reply, still inside.
// An error tells that it has not run. Python code that runs when ctx ends is cancelled; what cannot
// be cancelled goes on, and Serve with it. It is for this library's own packages.
func (rt *Runtime) Serve(ctx context.Context, s *Served, reply func(*Outcome)) error {
	c := getCall()
	c.rt = rt
	arg, err := c.serve(s)
	if err == nil {
		flags := s.Flags
		if ctx.Done() != nil {
			flags |= cgo.FlagCancellable
		}
		c.frame.SetShape(s.Shape)
		wait := ctx
		if s.Wait != nil {
			wait = s.Wait
		}
		err = rt.enter(wait, c, flags)
	}
	if err != nil {
		c.put()
		return err
	}
	stop := func() {}
	if ctx.Done() != nil {
		stop = rt.cancelAfter(ctx, c)
	}
	s.Begin()
	status := rt.in.Run(&c.frame, c.op, c.what, arg)
	stop()
	rt.served(c, status, reply)
	if ctx.Err() != nil {
		rt.warm()
	}
	return nil
}

// serve prepares the call as what s asks for.
func (c *call) serve(s *Served) (arg []byte, err error) {
	c.op, c.label, c.owner = s.Op, s.Name, s.Owner
	switch s.Op {
	case cgo.OpCall, cgo.OpFind:
		n, once, err := c.rt.names.get(s.Name)
		c.what, c.once = uint64(n), once
		return s.Arg, err
	case cgo.OpCallObject:
		c.what = uint64(s.Object)
		return s.Arg, nil
	case cgo.OpEval, cgo.OpExec:
		c.what, c.src = 0, source{text: string(s.Arg), file: s.Name, op: s.Op}
		err = c.encodeSource(c.rt, s.Object)
		return c.enc.Buf, err
	}
	return nil, fmt.Errorf("pyhost: no such operation: %d", s.Op)
}

func (rt *Runtime) served(c *call, status cgo.Status, reply func(*Outcome)) {
	if code := c.frame.Code(); code != 0 {
		rt.codes.keep(rt, c, code)
	}
	reply(&Outcome{Status: status, Value: c.frame.Result(), Blobs: c.frame.Blobs(),
		Object: c.frame.Obj(), Sent: c.frame.Sent()})
	c.frame.DropBlobs(rt.in.DecrefLater)
	rt.gate.leave(c.pass)
	rt.stats.ran(c)
	if c.ended == nil {
		c.put()
	} else {
		c.letGo() // a canceller may still look at the frame
	}
}
