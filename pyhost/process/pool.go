//go:build linux

package process

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// PoolConfig says how NewPool makes a pool. The zero value is the default: as many workers as
// GOMAXPROCS.
type PoolConfig struct {
	// Config is that of each worker. MaxThreads is 1 by default: one call at a time.
	Config
	Size       int // 0: GOMAXPROCS
	MaxWaiting int // see pyhost.PoolConfig; a call that is with a worker already waits no more
	MaxCalls   int
	MaxAge     time.Duration
	// MaxMemory renews a worker whose resident memory has come to so many bytes. It is looked at
	// after a call, ten times a second at most. 0: never.
	MaxMemory int64
}

// Pool is a pyhost.Runner over workers: Call, Eval and Exec go to any that is idle. One that ends
// is replaced, as in a Runtime; only the call that it ran is lost. Where many wait, short calls are
// handed to a worker several at a time, which runs them one after the other.
type Pool struct {
	*pyhost.Pool[*Runtime]
	queue queue
}

var _ pyhost.Runner = (*Pool)(nil)

// NewPool starts a pool of workers.
func NewPool(ctx context.Context, cfg PoolConfig) (*Pool, error) {
	if cfg.Size < 0 || cfg.MaxWaiting < 0 || cfg.MaxCalls < 0 || cfg.MaxAge < 0 ||
		cfg.MaxMemory < 0 {
		return nil, errors.New("process: PoolConfig: Size or a bound is negative")
	}
	if cfg.Size == 0 {
		cfg.Size = runtime.GOMAXPROCS(0)
	}
	if cfg.MaxThreads == 0 {
		cfg.MaxThreads = 1
	}
	var with installs
	pool := pyhost.PoolConfig[*Runtime]{
		Start: func(ctx context.Context) (*Runtime, error) {
			return startWith(ctx, cfg.Config, &with)
		},
		Size: cfg.Size, MaxCalls: cfg.MaxCalls, MaxAge: cfg.MaxAge,
	}
	if cfg.MaxMemory > 0 {
		pool.Due = func(rt *Runtime) bool { return rt.residentNow() > cfg.MaxMemory }
	}
	p, err := pyhost.NewPool(ctx, pool)
	if err != nil {
		return nil, err
	}
	return &Pool{Pool: p, queue: queue{pool: p, size: cfg.Size,
		most: cfg.MaxWaiting, batches: map[*batch]bool{}}}, nil
}

// Call calls a function in a worker that is idle: see Runtime.Call.
func (p *Pool) Call(ctx context.Context, name string, out any, args ...any) error {
	return p.queue.run(ctx, func(ctx context.Context, rt *Runtime) error {
		return rt.Call(ctx, name, out, args...)
	})
}

// Eval evaluates an expression in a worker that is idle.
func (p *Pool) Eval(ctx context.Context, expr string, out any, in ...pyhost.Scope) error {
	return p.queue.run(ctx, func(ctx context.Context, rt *Runtime) error {
		return rt.Eval(ctx, expr, out, in...)
	})
}

// Exec runs code in a worker that is idle, and in that one only.
func (p *Pool) Exec(ctx context.Context, source string, in ...pyhost.Scope) error {
	return p.queue.run(ctx, func(ctx context.Context, rt *Runtime) error {
		return rt.Exec(ctx, source, in...)
	})
}

// Stats gives the figures of the moment.
func (p *Pool) Stats() pyhost.PoolStats {
	s := p.Pool.Stats()
	waiting, refused := p.queue.figures()
	s.Waiting = waiting
	s.Overloaded = refused
	return s
}

// Close refuses new calls and closes the runtimes: see pyhost.Pool.
func (p *Pool) Close() error {
	if p == nil {
		return nil
	}
	return p.Pool.Close()
}
