package pyhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// classes are the Python classes that Go types are registered for. Readers take the table as it is;
// it is replaced as a whole, under mu.
type classes struct {
	mu    sync.Mutex
	table atomic.Pointer[classTable]
	ofGo  atomic.Pointer[goClasses]

	forgotten []*Ref // guarded by mu
}

// change runs fn attached, with mu held. Whoever waits for mu has a place inside already and has
// let the GIL go: fn needs both.
func (c *classes) change(ctx context.Context, rt *Runtime, fn func() error) error {
	return rt.Do(ctx, func(th *Thread) error {
		if err := th.Detach(c.mu.Lock); err != nil {
			return err
		}
		defer c.mu.Unlock()
		return fn()
	})
}

// forget takes back the classes of a module that could not be made. Their Refs stay: a call that
// has found one may be under way.
func (c *classes) forget(members map[string]any) {
	defer cgo.Park().Unpark() // see change
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.ofGo.Load()
	if known == nil {
		return
	}
	next := maps.Clone(*known)
	for _, v := range members {
		for t, ref := range *known {
			if v == any(ref) {
				delete(next, t)
				c.forgotten = append(c.forgotten, ref)
			}
		}
	}
	c.ofGo.Store(&next)
}

// free gives all classes back, once nobody can ask for them: what they hold, the functions of a
// class of Go, would outlive the interpreter.
func (c *classes) free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	refs := c.forgotten
	if t := c.table.Swap(nil); t != nil {
		refs = slices.AppendSeq(refs, maps.Values(t.refs))
	}
	if known := c.ofGo.Swap(nil); known != nil {
		refs = slices.AppendSeq(refs, maps.Values(*known))
	}
	for _, ref := range refs {
		ref.cleanup.Stop()
		ref.held.release()
	}
	c.forgotten = nil
}

type classTable struct {
	types []reflect.Type // by number
	refs  map[reflect.Type]*Ref
}

func (c *classes) typeOf(number uint64) reflect.Type {
	if t := c.table.Load(); t != nil && number < uint64(len(t.types)) {
		return t.types[number]
	}
	return nil
}

// ptrOf gives the class. It is held for as long as the runtime.
func (c *classes) ptrOf(t reflect.Type) (cgo.Ptr, bool) {
	table := c.table.Load()
	if table == nil {
		return 0, false
	}
	ref, ok := table.refs[t]
	if !ok {
		return 0, false
	}
	return ref.held.ptr, true
}

// Register makes instances of a Python class and values of the struct type T stand for each other:
// a T becomes an instance, made by class(**fields); an instance, of a subclass too, becomes a T
// where an any is wanted, filled from its attributes. Without it a T becomes a dict. Any goroutine
// may call it; a class, or a type, is registered once.
func Register[T any](ctx context.Context, rt *Runtime, class string) error {
	if rt == nil {
		return errors.New("pyhost: Register: the Runtime is nil")
	}
	return rt.registerClass(ctx, class, reflect.TypeFor[T]())
}

func (rt *Runtime) registerClass(ctx context.Context, class string, t reflect.Type) error {
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("pyhost: Register: %s is no struct", t)
	}
	var ref *Ref
	if err := rt.find(ctx, class, &ref); err != nil {
		return err
	}
	err := rt.classes.change(ctx, rt, func() error { return rt.registerRef(ctx, class, t, ref) })
	if err != nil {
		ref.Close()
	}
	return err
}

// registerRef is called by change.
func (rt *Runtime) registerRef(ctx context.Context, class string, t reflect.Type, ref *Ref) error {
	c := &rt.classes
	old := c.table.Load()
	if old == nil {
		old = &classTable{}
	}
	if _, twice := old.refs[t]; twice {
		return fmt.Errorf("pyhost: Register: %s is registered already", t)
	}
	var number int
	begun := context.WithoutCancel(ctx) // the numbers here and there must stay the same
	if err := rt.Call(begun, "_pyhost.register", &number, ref); err != nil {
		return err
	}
	if number != len(old.types) {
		return fmt.Errorf("pyhost: Register: %s is registered already", class)
	}
	next := &classTable{types: append(old.types[:number:number], t),
		refs: map[reflect.Type]*Ref{t: ref}}
	maps.Copy(next.refs, old.refs)
	c.table.Store(next)
	ref.held.origin.closed(rt) // for the account: it is held for as long as the runtime
	rt.in.SetClass(uint64(number), t)
	return nil
}

// find gives the object that a dotted name stands for.
func (rt *Runtime) find(ctx context.Context, name string, out any) error {
	n, once, err := rt.names.get(name)
	if err != nil {
		return err
	}
	c := getCall()
	c.rt, c.op, c.what, c.once, c.label = rt, cgo.OpFind, uint64(n), once, name
	return rt.do(ctx, c, out)
}
