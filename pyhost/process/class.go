//go:build linux

package process

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Register makes instances of a Python class and values of the struct type T stand for each other,
// as pyhost.Register does. It holds for the workers to come too: the class must be there once their
// Setup has run, or in a module.
func Register[T any](ctx context.Context, rt *Runtime, class string) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	t := reflect.TypeFor[T]()
	if rt == nil {
		return fmt.Errorf("process: Register: the Runtime is nil")
	}
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("process: Register: %s is no struct", t)
	}
	nodes, err := json.Marshal(cgo.DescribeShape(t))
	if err != nil {
		return fmt.Errorf("process: Register: %w", err)
	}
	rt.registering.Lock()
	defer rt.registering.Unlock()
	var old []registration
	if p := rt.registry.Load(); p != nil {
		old = *p
	}
	for _, r := range old {
		if r.t == t {
			return fmt.Errorf("process: Register: %s is registered already", t)
		}
	}
	w, err := rt.worker(ctx, "Register")
	if err != nil {
		return err
	}
	all := append(old[:len(old):len(old)], registration{t, class, nodes})
	if err := w.register(ctx, all); err != nil {
		return err
	}
	rt.registry.Store(&all)
	return nil
}

type registration struct {
	t     reflect.Type
	class string
	nodes []byte // JSON of its shape
}

// classes are those that a worker knows. Readers take the table as it is; it is replaced as a
// whole, under mu.
type classes struct {
	mu    sync.Mutex
	table atomic.Pointer[classTable]
}

type classTable struct {
	types []reflect.Type // by number
	refs  map[reflect.Type]*pyhost.Ref
}

// catchUp registers what the worker does not know yet.
func (w *worker) catchUp(ctx context.Context, all *[]registration) error {
	if all == nil {
		return nil
	}
	if t := w.classes.table.Load(); t != nil && len(t.types) == len(*all) {
		return nil
	}
	return w.register(ctx, *all)
}

func (w *worker) register(ctx context.Context, all []registration) error {
	w.classes.mu.Lock()
	defer w.classes.mu.Unlock()
	table := w.classes.table.Load()
	if table == nil {
		table = &classTable{}
	}
	for _, r := range all[min(len(table.types), len(all)):] {
		ref, err := w.registerOne(ctx, &r, len(table.types))
		if err != nil {
			return fmt.Errorf("process: Register: %s: %w", r.class, err)
		}
		next := &classTable{types: append(table.types[:len(table.types):len(table.types)], r.t),
			refs: map[reflect.Type]*pyhost.Ref{r.t: ref}}
		for t, ref := range table.refs {
			next.refs[t] = ref
		}
		w.classes.table.Store(next)
		table = next
	}
	return nil
}

func (w *worker) registerOne(ctx context.Context, r *registration, number int) (
	ref *pyhost.Ref, err error) {
	err = w.try(ctx, cgo.OpFind, r.class, &ref, func(c *call) error {
		c.req.name = r.class
		return nil
	})
	if err != nil {
		return nil, err
	}
	got := -1
	begun := context.WithoutCancel(ctx) // the numbers here and there must stay the same
	if err := w.Call(begun, "_pyhost.register", &got, ref); err != nil {
		return nil, err
	}
	if got != number {
		return nil, fmt.Errorf("it is registered already")
	}
	return ref, w.try(begun, opClass, r.class, nil, func(c *call) error {
		c.req.object = uint64(number)
		c.enc.Buf = append(c.enc.Buf, r.nodes...)
		return nil
	})
}

// opClass, beside the operations of cgo: object is the number of a class, value the JSON of what
// its instances are read into.
const opClass = 1 << 8

func (w *worker) typeOf(number uint64) reflect.Type {
	if t := w.classes.table.Load(); t != nil && number < uint64(len(t.types)) {
		return t.types[number]
	}
	return nil
}

// class gives the class that a type is registered for.
func (c *call) class(t reflect.Type) (cgo.Ptr, bool) {
	table := c.w.classes.table.Load()
	if table == nil || table.refs[t] == nil {
		return 0, false
	}
	p, _, err := c.ref(table.refs[t])
	return p, err == nil
}

// setClass is the worker's side of opClass.
func (s *server) setClass(j *job) error {
	var nodes []cgo.ShapeNode
	if err := json.Unmarshal(j.arg, &nodes); err != nil {
		return err
	}
	return s.rt.Do(context.Background(), func(*pyhost.Thread) error {
		shape, err := s.rt.Interp().BuildShape(nodes)
		if err == nil {
			s.rt.Interp().SetClassShape(j.req.object, shape)
		}
		return err
	})
}
