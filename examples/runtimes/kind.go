//go:build linux

package main

import (
	"cmp"
	"context"
	_ "embed"
	"slices"
	"sync"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/isolation"
	"github.com/pyhost/pyhost/pyhost/process"
	"github.com/pyhost/pyhost/pyhost/shm"
)

//go:embed probe.py
var probe string

// kind is one of the columns.
type kind struct {
	key, title string
	isolation  isolation.Isolation
}

var kinds = []kind{
	{"goroutines", "goroutines on one interpreter", isolation.Goroutines},
	{"shared", "sub-interpreters, shared GIL", isolation.SharedGIL},
	{"own", "sub-interpreters, own GILs", isolation.OwnGIL},
	{"processes", "processes", isolation.Processes},
}

// free is what a program has whose Python is a free-threaded build: one libpython a process, so it
// is measured by another one.
var free = kind{"free", "goroutines, free-threaded build", isolation.Goroutines}

func kindOf(key string) (kind, bool) {
	for _, k := range append(kinds[:len(kinds):len(kinds)], free) {
		if k.key == key {
			return k, true
		}
	}
	return kind{}, false
}

// pair is two users of runtimes of one kind: on one runtime where there is but one, else on two.
type pair struct {
	*isolation.Runtimes
	a, b pyhost.Runner
}

// start starts the runtimes. A nil main is opened where it is needed.
func (k kind) start(ctx context.Context, main *pyhost.Runtime) (*pair, error) {
	setup := probe
	if k.isolation == isolation.Processes {
		setup = shm.Setup + probe
	}
	rts, err := isolation.Start(ctx, isolation.Config{Isolation: k.isolation, Main: main, Size: 2,
		Setup: setup})
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var both []pyhost.Runner
	_ = rts.Each(ctx, func(_ context.Context, rt pyhost.Runner) error {
		mu.Lock()
		defer mu.Unlock()
		both = append(both, rt)
		return nil
	})
	slices.SortFunc(both, func(x, y pyhost.Runner) int {
		a, b := x.Info(), y.Info()
		return cmp.Or(cmp.Compare(a.Pid, b.Pid), cmp.Compare(a.Interpreter, b.Interpreter))
	})
	return &pair{rts, both[0], both[len(both)-1]}, nil
}

// held is how many bytes a runtime holds; 0 where nobody tells.
func held(rt pyhost.Runner) int64 {
	switch rt := rt.(type) {
	case *pyhost.Runtime:
		return rt.Stats().MemoryBytes
	case *process.Runtime:
		return rt.Stats().Resident
	}
	return 0
}

// together makes the same call of both at once.
func together[T any](ctx context.Context, p *pair, name string, args ...any) (out [2]T, err error) {
	var errs [2]error
	var wg sync.WaitGroup
	for i, rt := range []pyhost.Runner{p.a, p.b} {
		wg.Go(func() { out[i], errs[i] = pyhost.Call[T](ctx, rt, name, args...) })
	}
	wg.Wait()
	if errs[0] != nil {
		return out, errs[0]
	}
	return out, errs[1]
}
