//go:build linux

package process

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/pyhost"
)

// installs are what every worker of a runtime, or of all runtimes of a pool, is to have: modules of
// Go, and where logging goes. Readers take the list as it is; it is replaced as a whole, under mu.
type installs struct {
	mu   sync.Mutex
	list atomic.Pointer[[]installation]
}

// installation makes one of them in a worker. One of a name takes the place of another.
type installation struct {
	name   string
	make   func(ctx context.Context, w *worker) error
	number int64 // they are in the order of their numbers
}

// Module makes a module of Go functions and constants that Python code in the worker can import:
// see pyhost.Runtime.Module. It is there in the workers to come too, after their Setup has run. A
// pyhost.Class cannot be a member. In a runtime of a pool it is made in all workers of the pool.
func (rt *Runtime) Module(ctx context.Context, name string, members pyhost.Members) error {
	return rt.install(ctx, installation{make: func(ctx context.Context, w *worker) error {
		return pyhost.NewFarModule(ctx, w, name, members)
	}})
}

// LogTo has records of Python's logging go to logger, from the workers to come too: see
// pyhost.Runtime.LogTo.
func (rt *Runtime) LogTo(ctx context.Context, logger *slog.Logger) error {
	to := func(ctx context.Context, w *worker) error { return pyhost.FarLogTo(ctx, w, logger) }
	return rt.install(ctx, installation{name: "logging", make: to})
}

// Module makes the module in all workers, those to come too: see Runtime.Module. Each gets it
// before its next call.
func (p *Pool) Module(ctx context.Context, name string, members pyhost.Members) error {
	return p.queue.run(ctx, func(ctx context.Context, rt *Runtime) error {
		return rt.Module(ctx, name, members)
	})
}

// LogTo has records of Python's logging in all workers go to logger: see Runtime.LogTo.
func (p *Pool) LogTo(ctx context.Context, logger *slog.Logger) error {
	return p.queue.run(ctx, func(ctx context.Context, rt *Runtime) error {
		return rt.LogTo(ctx, logger)
	})
}

func (rt *Runtime) install(ctx context.Context, what installation) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	rt.installs.mu.Lock()
	defer rt.installs.mu.Unlock()
	w, err := rt.worker(ctx, "install")
	if err != nil {
		return err
	}
	if err := w.installAll(ctx, rt.installs.list.Load()); err != nil {
		return err
	}
	var list []installation
	if p := rt.installs.list.Load(); p != nil {
		list = slices.Clone(*p)
	}
	w.installing.Lock()
	defer w.installing.Unlock()
	if err := what.make(ctx, w); err != nil {
		return err
	}
	what.number = lastOf(list) + 1
	list = append(slices.DeleteFunc(list, func(other installation) bool {
		return what.name != "" && other.name == what.name
	}), what)
	w.installed.Store(what.number)
	rt.installs.list.Store(&list)
	return nil
}

func lastOf(list []installation) int64 {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].number
}

// installAll makes what the worker does not have yet.
func (w *worker) installAll(ctx context.Context, list *[]installation) error {
	if list == nil || w.installed.Load() >= lastOf(*list) {
		return nil
	}
	w.installing.Lock()
	defer w.installing.Unlock()
	for _, what := range *list {
		if what.number <= w.installed.Load() {
			continue
		}
		if err := what.make(ctx, w); err != nil {
			var ce *pyhost.CancelError
			if errors.As(err, &ce) { // how far it has come nobody knows
				w.retire()
			}
			return err
		}
		w.installed.Store(what.number)
	}
	return nil
}
