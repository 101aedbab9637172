package isolation

import (
	"context"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func (r *Runtimes) startProcesses(ctx context.Context, c *Config) error {
	p, err := process.NewPool(ctx, process.PoolConfig{
		Config: process.Config{Setup: c.setup(), Python: c.Python, Args: c.Args, Path: c.Path,
			Stdout: c.Stdout, Stderr: c.Stderr, Audit: c.Audit, Grace: c.Grace,
			CloseTimeout: c.CloseTimeout, Limits: process.Limits{Memory: c.MemoryLimit}},
		Size: c.Size, MaxWaiting: c.MaxWaiting, MaxCalls: c.MaxCalls, MaxAge: c.MaxAge,
		MaxMemory: c.MaxMemory,
	})
	if err != nil {
		return err
	}
	r.Runner = p
	r.each = func(ctx context.Context, fn func(context.Context, pyhost.Runner) error) error {
		return p.Each(ctx, func(ctx context.Context, rt *process.Runtime) error {
			return fn(ctx, rt)
		})
	}
	return nil
}
