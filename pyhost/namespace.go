package pyhost

import (
	"context"
	"errors"

	"github.com/pyhost/pyhost/cgo"
)

// Namespace is a dict that code runs in, apart from __main__. It may be passed to calls, as that
// dict.
type Namespace struct{ ref *Ref }

// NewNamespace makes an empty namespace; the builtins are in reach.
func (rt *Runtime) NewNamespace(ctx context.Context) (*Namespace, error) {
	return NewNamespace(ctx, rt)
}

// NewNamespace makes an empty namespace in any kind of runtime; of a pool, in one of its runtimes,
// and of no use in the others.
func NewNamespace(ctx context.Context, r Runner) (*Namespace, error) {
	var ref *Ref
	if err := r.Call(ctx, "_pyhost.new_namespace", &ref); err != nil {
		return nil, err
	}
	return &Namespace{ref}, nil
}

// Close gives the namespace back; what it holds goes unless something else refers to it.
func (n *Namespace) Close() {
	if n != nil && n.ref != nil {
		n.ref.Close()
	}
}

func (n *Namespace) borrow(c *call) (cgo.Ptr, error) {
	if n == nil {
		return 0, errors.New("a nil Namespace")
	}
	return n.ref.borrow(c)
}

// Exec runs Python code, by default as the module __main__: see [Runtime.Exec].
func (th *Thread) Exec(code string, in ...Scope) error {
	_, err := th.code("Exec", cgo.ObjExec, newSource(cgo.OpExec, code), cgo.FlagDrop, in)
	return err
}

// Eval evaluates a Python expression: see [Runtime.Eval].
func (th *Thread) Eval(expr string, in ...Scope) (*Object, error) {
	p, err := th.code("Eval", cgo.ObjEval, newSource(cgo.OpEval, expr), cgo.FlagKeep, in)
	if err != nil {
		return nil, err
	}
	return th.own(p), nil
}

func (th *Thread) code(what string, op cgo.ObjectOp, src source, flags uint32, in []Scope) (
	cgo.Ptr, error) {
	if err := th.check(what); err != nil {
		return 0, err
	}
	c := th.newCall()
	defer c.put()
	c.src = src
	if err := c.encodeCode(th.rt, in); err != nil {
		return 0, err
	}
	c.label = c.src.file
	c.frame.SetFlags(flags)
	err := th.cross(what, c, op, 0)
	if code := c.frame.Code(); code != 0 {
		th.rt.codes.keep(th.rt, c, code)
	}
	return c.frame.Obj(), err
}
