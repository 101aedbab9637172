package isolation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// choose is Auto. It opens the main interpreter only where that is what it takes to know.
func (r *Runtimes) choose(ctx context.Context, cfg *Config) error {
	python, err := r.python(ctx, cfg)
	if err != nil {
		return err
	}
	switch {
	case python.FreeThreaded:
		return r.chooseWithoutGIL(ctx, cfg)
	case !ownGIL(python.Version):
		r.is(Processes, "CPython %s gives sub-interpreters no GIL of their own: 3.13 does.",
			python.Version)
		return nil
	case len(cfg.Modules) == 0:
		r.is(OwnGIL, "CPython %s gives sub-interpreters GILs of their own.", python.Version)
		return nil
	}
	if err := r.open(cfg); err != nil {
		return err
	}
	err = subinterp.Check(ctx, r.main, cfg.Modules...)
	switch {
	case ctx.Err() != nil:
		return err
	case err == nil:
		r.is(OwnGIL, "CPython %s gives sub-interpreters GILs of their own, and %s can be "+
			"imported there.", python.Version, strings.Join(cfg.Modules, ", "))
	default:
		r.is(Processes, "Sub-interpreters cannot import all of %s: %s.",
			strings.Join(cfg.Modules, ", "), refusal(err))
	}
	return nil
}

func (r *Runtimes) is(kind Isolation, why string, args ...any) {
	r.Isolation, r.Why = kind, fmt.Sprintf(why, args...)
}

// python is the installation that the runtimes will have.
func (r *Runtimes) python(ctx context.Context, cfg *Config) (pyhost.Python, error) {
	if r.main != nil {
		return r.main.Info().Python, nil
	}
	return pyhost.Locate(ctx, cfg.Python)
}

func ownGIL(version string) bool {
	var minor int
	_, err := fmt.Sscanf(version, "3.%d", &minor)
	return err == nil && minor >= 13
}

// chooseWithoutGIL imports the modules first: one that does not say that it can do without the GIL
// turns it on for good.
func (r *Runtimes) chooseWithoutGIL(ctx context.Context, cfg *Config) error {
	if err := r.open(cfg); err != nil {
		return err
	}
	imports := Config{Modules: cfg.Modules}
	err := r.main.Exec(ctx, imports.setup(), pyhost.Scope{File: "<modules>"})
	if err != nil {
		return err
	}
	on, err := pyhost.Call[bool](ctx, r.main, "sys._is_gil_enabled")
	switch {
	case err != nil:
		return err
	case on:
		r.is(Processes, "This Python was built to run without the GIL, but runs with it: one of "+
			"%s may have turned it on.", strings.Join(cfg.Modules, ", "))
	default:
		r.is(Goroutines, "This Python has no GIL: its main interpreter runs in parallel.")
	}
	return nil
}

// refusal is what an error of Check says, in a few words and one line.
func refusal(err error) string {
	var refused *pyhost.NotIsolatableError
	if errors.As(err, &refused) {
		return refused.Module + " keeps state that all interpreters would share"
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}
