package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// Runtimes are a pyhost.Runner: Exec, Eval and Call go to any of them that is idle. Any goroutine
// may use it at any time.
type Runtimes struct {
	// Runner is a *pyhost.Runtime, a *subinterp.Pool or a *process.Pool.
	pyhost.Runner

	// Isolation is the kind that was started, never Auto.
	Isolation Isolation
	// Why says in a sentence why it is this one.
	Why string

	main   *pyhost.Runtime // nil: Processes needed none
	opened bool            // by Start
	each   func(context.Context, func(context.Context, pyhost.Runner) error) error
}

// Start starts runtimes and returns when Setup and the imports have run in all of them. To be
// closed by Close. When it fails it closes what it has opened, the main interpreter too: a program
// that tries again with other settings opens that itself, and gives it as Config.Main.
func Start(ctx context.Context, cfg Config) (*Runtimes, error) {
	if ctx == nil {
		return nil, pyhost.ErrNilContext
	}
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	r := &Runtimes{Isolation: cfg.Isolation, Why: "Config asks for it.", main: cfg.Main}
	var err error
	if cfg.Isolation == Auto {
		err = r.auto(ctx, &cfg)
	} else {
		err = r.start(ctx, &cfg)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("isolation: %s: %w", r.Isolation, err), r.closeMain())
	}
	return r, nil
}

func (r *Runtimes) start(ctx context.Context, cfg *Config) error {
	if r.Isolation == Processes {
		return r.startProcesses(ctx, cfg)
	}
	if err := r.open(cfg); err != nil {
		return err
	}
	switch r.Isolation {
	case SharedGIL:
		return r.startPool(ctx, cfg.pool(subinterp.SharedGIL))
	case OwnGIL:
		return r.startPool(ctx, cfg.pool(subinterp.OwnGIL))
	}
	r.Runner = r.main
	r.each = func(ctx context.Context, fn func(context.Context, pyhost.Runner) error) error {
		return fn(ctx, r.main)
	}
	return r.main.Exec(ctx, cfg.setup(), pyhost.Scope{File: "<setup>"})
}

// open opens the main interpreter, if there is none.
func (r *Runtimes) open(cfg *Config) (err error) {
	if r.main == nil {
		r.main, err = pyhost.Open(cfg.main())
		r.opened = err == nil
		if errors.Is(err, pyhost.ErrFinalized) {
			err = fmt.Errorf("%w, and Start closes what it has opened when it fails: to try "+
				"again, open it yourself and give it as Config.Main", err)
		}
	}
	return err
}

func (r *Runtimes) startPool(ctx context.Context, cfg subinterp.PoolConfig) error {
	p, err := subinterp.NewPool(ctx, r.main, cfg)
	if err != nil {
		return err
	}
	r.Runner = p
	r.each = func(ctx context.Context, fn func(context.Context, pyhost.Runner) error) error {
		return p.Each(ctx, func(ctx context.Context, rt *pyhost.Runtime) error {
			return fn(ctx, rt)
		})
	}
	return nil
}

// Each runs fn on every runtime, all at once, those in use too, and joins the errors. With
// Goroutines there is one.
func (r *Runtimes) Each(ctx context.Context,
	fn func(ctx context.Context, rt pyhost.Runner) error) error {
	return r.each(ctx, fn)
}

// Main is the main interpreter that Config gave, or Start has opened; nil if there is none.
func (r *Runtimes) Main() *pyhost.Runtime { return r.main }

// Close refuses new calls and closes what Start has opened. A Main that was given stays as it is:
// with Goroutines on it there is nothing to close.
func (r *Runtimes) Close() error {
	if r == nil {
		return nil
	}
	if r.Isolation == Goroutines {
		return r.closeMain()
	}
	return errors.Join(r.Runner.Close(), r.closeMain())
}

func (r *Runtimes) closeMain() error {
	if !r.opened {
		return nil
	}
	return r.main.Close()
}
