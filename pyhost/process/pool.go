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
	Config         // of each worker
	Size       int // 0: GOMAXPROCS
	MaxWaiting int // see pyhost.PoolConfig
	MaxCalls   int
	MaxAge     time.Duration
	// MaxMemory renews a worker whose resident memory has come to so many bytes. It is looked at
	// after a call, ten times a second at most. 0: never.
	MaxMemory int64
}

// Pool is a pyhost.Runner over workers: Call, Eval and Exec go to any that is idle. One that ends is
// replaced, as in a Runtime; only the call it served is lost.
type Pool struct {
	*pyhost.Pool[*Runtime]
}

var _ pyhost.Runner = (*Pool)(nil)

// NewPool starts a pool of workers.
func NewPool(ctx context.Context, cfg PoolConfig) (*Pool, error) {
	if cfg.MaxMemory < 0 {
		return nil, errors.New("process: PoolConfig: MaxMemory is negative")
	}
	if cfg.Size == 0 {
		cfg.Size = runtime.GOMAXPROCS(0)
	}
	pool := pyhost.PoolConfig[*Runtime]{
		Start: func(ctx context.Context) (*Runtime, error) { return Start(ctx, cfg.Config) },
		Size:  cfg.Size, MaxWaiting: cfg.MaxWaiting, MaxCalls: cfg.MaxCalls, MaxAge: cfg.MaxAge,
	}
	if cfg.MaxMemory > 0 {
		pool.Due = func(rt *Runtime) bool { return rt.residentNow() > cfg.MaxMemory }
	}
	p, err := pyhost.NewPool(ctx, pool)
	if err != nil {
		return nil, err
	}
	return &Pool{p}, nil
}
