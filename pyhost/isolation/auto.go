package isolation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pyhost/pyhost/pyhost"
)

// auto starts what suits best. It tries what it prefers with the Setup and the Modules that are to
// run there, so it knows; a trial on a bare interpreter would know neither Path nor Setup.
func (r *Runtimes) auto(ctx context.Context, cfg *Config) error {
	python, err := r.python(ctx, cfg)
	if err != nil {
		return err
	}
	modules := strings.Join(cfg.Modules, ", ")
	switch {
	case python.FreeThreaded:
		return r.autoWithoutGIL(ctx, cfg)
	case !ownGIL(python.Version):
		r.is(Processes, "CPython %s gives sub-interpreters no GIL of their own: 3.13 does.",
			python.Version)
		return r.start(ctx, cfg)
	case modules == "":
		r.is(OwnGIL, "CPython %s gives sub-interpreters GILs of their own.", python.Version)
	default:
		r.is(OwnGIL, "CPython %s gives sub-interpreters GILs of their own, and %s can be imported "+
			"there.", python.Version, modules)
	}
	err = r.start(ctx, cfg)
	why, refuses := refusal(err)
	if !refuses {
		return err
	}
	r.is(Processes, "In sub-interpreters not all can be imported that is needed: %s.", why)
	return r.start(ctx, cfg)
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

// refusal is what an import says that fails because it is made in a sub-interpreter, in a few
// words. A module that there is none of is missing elsewhere too.
func refusal(err error) (why string, refuses bool) {
	var refused *pyhost.NotIsolatableError
	var raised *pyhost.PythonError
	switch {
	case errors.As(err, &refused):
		return refused.Module + " keeps state that all interpreters would share", true
	case errors.Is(err, pyhost.ModuleNotFoundError) || !errors.Is(err, pyhost.ImportError):
		return "", false
	case errors.As(err, &raised):
		text, _, _ := strings.Cut(raised.Message, "\n")
		return strings.TrimSuffix(text, "."), true
	}
	return "", false
}

// autoWithoutGIL looks after the imports: a module that does not say that it can do without the GIL
// turns it on for good.
func (r *Runtimes) autoWithoutGIL(ctx context.Context, cfg *Config) error {
	r.is(Goroutines, "This Python has no GIL: its main interpreter runs in parallel.")
	if err := r.start(ctx, cfg); err != nil {
		return err
	}
	on, err := pyhost.Call[bool](ctx, r.main, "sys._is_gil_enabled")
	if err != nil || !on {
		return err
	}
	r.is(Processes, "This Python can do without a GIL, but an import has turned it on.")
	return r.start(ctx, cfg)
}
