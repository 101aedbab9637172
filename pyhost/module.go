package pyhost

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/pyhost/pyhost/cgo"
)

// Members are what a module of Go is made of, by name: functions (a func or a [Function]) and
// values of any other kind, which are its constants. "__doc__" is its docstring.
type Members map[string]any

// Module makes a module that Python code can import. A dotted name is put into its packages too,
// which are made where they do not exist. A module of that name which is there already is an error.
// Any goroutine may call it.
func (rt *Runtime) Module(ctx context.Context, name string, members Members) error {
	values := make(map[string]any, len(members))
	for _, k := range slices.Sorted(maps.Keys(members)) {
		v := members[k]
		if !isIdentifier(k) {
			return fmt.Errorf("pyhost: module %s: %q cannot be the name of a member", name, k)
		}
		if f, ok := v.(Function); ok {
			f.Name, f.Module = k, name
			v = f
		} else if reflect.ValueOf(v).Kind() == reflect.Func {
			v = Function{Func: v, Name: k, Module: name}
		}
		values[k] = v
	}
	if err := rt.Call(ctx, "_pyhost.module", nil, name, values); err != nil {
		return fmt.Errorf("pyhost: module %s: %w", name, err)
	}
	return nil
}

// function makes a function ready to cross with this call, which holds it until it has run.
func (c *call) function(f *cgo.Function) (cgo.GoPtr, error) {
	p, err := c.rt.newFunction(f)
	if err == nil {
		c.gos = append(c.gos, p)
	}
	return p, err
}
