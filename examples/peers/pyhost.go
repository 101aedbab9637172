package main

import (
	"context"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

// runner is this library in this process, or in one of its own.
type runner struct {
	rt pyhost.Runner
}

var ctx = context.Background()

const imports = "from work import add, back, upper, nothing, compute"

func openLibrary(b *bench) (worker, error) {
	rt, err := pyhost.Open(pyhost.Config{Python: b.python, Path: []string{b.dir}})
	if err != nil {
		return nil, err
	}
	return runner{rt}, rt.Exec(ctx, imports)
}

// openLibraryHeld has the goroutine hold the GIL all along.
func openLibraryHeld(b *bench) (worker, error) {
	w, err := openLibrary(b)
	if err != nil {
		return nil, err
	}
	th, err := w.(runner).rt.(*pyhost.Runtime).Acquire(ctx)
	return held{w.(runner), th}, err
}

type held struct {
	runner
	th *pyhost.Thread
}

func (h held) Close() error {
	h.th.Release()
	return h.runner.Close()
}

func (r runner) Add(a, b int) (n int, err error) {
	err = r.rt.Call(ctx, "add", &n, a, b)
	return n, err
}

func (r runner) List(values []int) (out []int, err error) {
	err = r.rt.Call(ctx, "back", &out, values)
	return out, err
}

func (r runner) Dict(values map[string]int) (out map[string]int, err error) {
	err = r.rt.Call(ctx, "back", &out, values)
	return out, err
}

func (r runner) Text(text string) (out string, err error) {
	err = r.rt.Call(ctx, "upper", &out, text)
	return out, err
}

func (r runner) Close() error { return r.rt.Close() }
