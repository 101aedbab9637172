package main

import (
	"context"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

// library is this library.
type library struct {
	rt *pyhost.Runtime
}

var ctx = context.Background()

func openLibrary(dir, python string) (worker, error) {
	rt, err := pyhost.Open(pyhost.Config{Python: python, Path: []string{dir}})
	if err != nil {
		return nil, err
	}
	return library{rt: rt}, rt.Exec(ctx, "from work import add, back, upper")
}

// openLibraryHeld has the goroutine hold the GIL all along.
func openLibraryHeld(dir, python string) (worker, error) {
	w, err := openLibrary(dir, python)
	if err != nil {
		return nil, err
	}
	th, err := w.(library).rt.Acquire(ctx)
	return held{w.(library), th}, err
}

type held struct {
	library
	th *pyhost.Thread
}

func (h held) Close() error {
	h.th.Release()
	return h.library.Close()
}

func (l library) Add(a, b int) (n int, err error) {
	err = l.rt.Call(ctx, "add", &n, a, b)
	return n, err
}

func (l library) List(values []int) (out []int, err error) {
	err = l.rt.Call(ctx, "back", &out, values)
	return out, err
}

func (l library) Dict(values map[string]int) (out map[string]int, err error) {
	err = l.rt.Call(ctx, "back", &out, values)
	return out, err
}

func (l library) Text(text string) (out string, err error) {
	err = l.rt.Call(ctx, "upper", &out, text)
	return out, err
}

func (l library) Close() error { return l.rt.Close() }
