package pyhost

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// Members are what a module of Go is made of, by name: functions (a func or a [Function]), classes
// (a [Class]), and values of any other kind, which are its constants. An iter.Seq, an iter.Seq2 or
// a channel is one generator, made with the module: who takes an item from it takes it from all. A
// func that returns a sequence makes one for each call. "__doc__" is the docstring.
type Members map[string]any

// Module makes a module that Python code can import. A dotted name is put into its packages too,
// which are made where they do not exist. A module of that name which is there already is an error.
// Any goroutine may call it.
func (rt *Runtime) Module(ctx context.Context, name string, members Members) error {
	made := map[string]any{}
	err := newModule(ctx, rt, name, members, func(member string, c *Class) (*Ref, error) {
		ref, err := rt.newClass(ctx, member, name, c)
		if err == nil {
			made[member] = ref
		}
		return ref, err
	})
	if err != nil {
		rt.classes.forget(made)
	}
	return err
}

// newModule makes a module in the runtime that calls go to.
func newModule(ctx context.Context, to caller, name string, members Members,
	newClass func(member string, c *Class) (*Ref, error)) error {
	for part := range strings.SplitSeq(name, ".") {
		if !isIdentifier(part) {
			return fmt.Errorf("pyhost: %q cannot be the name of a module", name)
		}
	}
	values := make(map[string]any, len(members))
	for _, k := range slices.Sorted(maps.Keys(members)) {
		v := members[k]
		if !isIdentifier(k) {
			return fmt.Errorf("pyhost: module %s: %q cannot be the name of a member", name, k)
		}
		v, err := makeMember(k, name, v, newClass)
		if err != nil {
			return fmt.Errorf("pyhost: module %s: %s: %w", name, k, err)
		}
		values[k] = v
	}
	if err := to.Call(ctx, "_pyhost.module", nil, name, values); err != nil {
		return fmt.Errorf("pyhost: module %s: %w", name, err)
	}
	return nil
}

func makeMember(name, module string, v any,
	newClass func(string, *Class) (*Ref, error)) (any, error) {
	switch m := v.(type) {
	case Function:
		m.Name, m.Module = name, module
		return m, nil
	case Class:
		return newClass(name, &m)
	}
	if t := reflect.TypeOf(v); t != nil && t.Kind() == reflect.Func && !cgo.IsSequence(t) {
		return Function{Func: v, Name: name, Module: module}, nil
	}
	return v, nil
}

// function makes a function ready to cross with this call, which holds it until it has run.
func (c *call) function(f *cgo.Function) (cgo.GoPtr, error) {
	p, err := c.rt.newFunction(f)
	if err == nil {
		c.gos = append(c.gos, p)
	}
	return p, err
}
