package subinterp

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// PoolConfig says how NewPool makes a pool. The zero value is the default: as many runtimes as
// GOMAXPROCS, each with a GIL of its own.
type PoolConfig struct {
	Config         // of each runtime
	Size       int // 0: GOMAXPROCS
	MaxWaiting int // see pyhost.PoolConfig
	MaxCalls   int
	MaxAge     time.Duration
	// MaxMemory renews a runtime that holds so many bytes of the system's memory after a call, as
	// Stats tells: leave room for what Setup takes. 0, or a free-threaded build: never.
	MaxMemory int64
}

// Pool is a pyhost.Runner over sub-interpreters: Call, Eval, Exec and Do go to any that is idle.
type Pool struct {
	*pyhost.Pool[*pyhost.Runtime]
}

var _ pyhost.Runner = (*Pool)(nil)

// NewPool starts a pool of sub-interpreters of the main one. Where they cannot have GILs of their
// own it is pyhost.ErrOwnGILUnsupported, unless Config.GIL asks to share: such a pool runs no two
// at once, but on a free-threaded Python, where the main interpreter does so without a pool.
func NewPool(ctx context.Context, main *pyhost.Runtime, cfg PoolConfig) (*Pool, error) {
	if main == nil {
		return nil, errNoMain
	}
	if cfg.Size < 0 || cfg.MaxWaiting < 0 || cfg.MaxCalls < 0 || cfg.MaxAge < 0 ||
		cfg.MaxMemory < 0 {
		return nil, fmt.Errorf("%w: Size or a bound of the pool is negative", ErrConfig)
	}
	if cfg.GIL == AnyGIL {
		cfg.GIL = OwnGIL
	}
	if cfg.Size == 0 {
		cfg.Size = runtime.GOMAXPROCS(0)
	}
	pool := pyhost.PoolConfig[*pyhost.Runtime]{
		Start: func(ctx context.Context) (*pyhost.Runtime, error) {
			return New(ctx, main, cfg.Config)
		},
		Size: cfg.Size, MaxWaiting: cfg.MaxWaiting, MaxCalls: cfg.MaxCalls, MaxAge: cfg.MaxAge,
	}
	if cfg.MaxMemory > 0 {
		pool.Due = func(rt *pyhost.Runtime) bool {
			return rt.Interp().MemoryUsed() >= cfg.MaxMemory
		}
	}
	p, err := pyhost.NewPool(ctx, pool)
	if err != nil {
		return nil, err
	}
	return &Pool{p}, nil
}

// Do attaches the goroutine to a runtime that is idle: see pyhost.Runtime.Do.
func (p *Pool) Do(ctx context.Context, fn func(*pyhost.Thread) error) error {
	lease, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	return lease.Runtime().Do(ctx, fn)
}

// Close refuses new calls and closes the runtimes: see pyhost.Pool.
func (p *Pool) Close() error {
	if p == nil {
		return nil
	}
	return p.Pool.Close()
}
