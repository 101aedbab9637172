//go:build linux

package process

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// newFunc is a Go function that a worker is, or was, told of.
type newFunc struct {
	number uint64
	far    *pyhost.FarFunction
	stop   stopFunc  // of the sequence that it stops, or nil
	shapes []shapeID // of its parameters
	body   []byte    // JSON of funcSpec, until it was sent
}

// funcSpec is a cgo.FuncSpec whose parameters have numbers of shapes.
type funcSpec struct {
	Name, Module, Doc    string `json:",omitempty"`
	Signature            string
	Variadic             bool `json:",omitempty"`
	Positional, Required int
	Names                []string
	Shapes               []uint32
}

// stopFunc ends a sequence; it is called too when Python in a worker can do so no more.
type stopFunc func()

func (f *newFunc) forgotten() {
	if f.stop != nil {
		f.stop()
	}
}

// function makes a Go function ready to be sent with the call.
func (c *call) function(f *cgo.Function) (cgo.GoPtr, error) {
	far, err := pyhost.NewFarFunction(f)
	if err != nil {
		return 0, err
	}
	n := newFunc{far: far}
	n.stop, _ = f.Func.(stopFunc)
	s := far.Spec(f)
	spec := funcSpec{Name: s.Name, Module: s.Module, Doc: s.Doc, Signature: s.Signature,
		Variadic: s.Variadic, Positional: s.Positional, Required: s.Required}
	for _, p := range s.Params {
		shape := shapeOf(p.Type)
		n.shapes = append(n.shapes, shape)
		spec.Names = append(spec.Names, p.Name)
		spec.Shapes = append(spec.Shapes, shape.number)
	}
	n.body, err = json.Marshal(spec)
	if err == nil && len(n.body) > maxBody {
		err = fmt.Errorf("%s: its docstring is too long", s.Name)
	}
	if err != nil {
		return 0, err
	}
	n.number = c.w.table.number()
	c.funcs = append(c.funcs, n)
	return cgo.GoPtr(n.number), nil
}

// iterator has a sequence stopped even if Python does not get to do so.
func (c *call) iterator(v reflect.Value) cgo.Made {
	made := pyhost.Iterator(v)
	if stop, ok := made.Args[1].(func()); ok {
		made.Args[1] = stopFunc(stop)
	}
	return made
}

// tellFuncs tells the worker of the functions and shared buffers in a value that is sent next.
// Under mu.
func (w *worker) tellFuncs(c *call) {
	for _, p := range c.parts {
		w.conn.hold(frame{kind: kindBuffer, id: p.number, body: p.body})
	}
	c.parts = nil
	for i := range c.funcs {
		f := &c.funcs[i]
		for _, shape := range f.shapes {
			w.tellShape(shape)
		}
		w.table.addFunc(f)
		w.conn.hold(frame{kind: kindFunc, id: f.number, body: f.body})
		f.body, f.shapes = nil, nil
	}
	c.funcs = nil
}
