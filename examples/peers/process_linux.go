package main

import "github.com/pyhost/pyhost/pyhost/process"

// openProcess has Python in a process of its own.
func openProcess(b *bench) (worker, error) {
	rt, err := process.Start(ctx, process.Config{Python: b.python, Path: []string{b.dir},
		Setup: imports})
	return runner{rt}, err
}

func processes(b *bench, size int) (func() (pool, error), error) {
	return func() (pool, error) {
		return process.NewPool(ctx, process.PoolConfig{Size: size, Config: process.Config{
			Python: b.poolPython, Path: []string{b.dir}, Setup: imports}})
	}, nil
}
