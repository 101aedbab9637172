package process_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func newPool(t testing.TB, cfg process.PoolConfig) *process.Pool {
	t.Helper()
	p, err := process.NewPool(bg, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestPool(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: "import os\nx = 1"}})
	require.NoError(t, p.Each(bg, func(ctx context.Context, rt *process.Runtime) error {
		return rt.Exec(ctx, "x += 1")
	}))
	pids := map[int]bool{}
	for range 2 {
		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		defer lease.Release()
		x, err := pyhost.Eval[int](bg, lease.Runtime(), "x")
		require.NoError(t, err)
		require.Equal(t, 2, x)
		pids[lease.Runtime().Info().Pid] = true
	}
	require.Len(t, pids, 2)
}

func TestPoolMap(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2})
	var got []int
	for n, err := range pyhost.Map[int](bg, p, "abs", slices.Values([]int{-3, -2, -1})) {
		require.NoError(t, err)
		got = append(got, n)
	}
	require.Equal(t, []int{3, 2, 1}, got)
}

// A worker that dies takes the call that it ran with it, and no other.
func TestPoolCrash(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: `
import os
def work(i):
    if i % 20 == 7: os.abort()
    return i
`}})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			got, err := pyhost.Call[int](bg, p, "work", i)
			var exit *process.ExitError
			switch {
			case i%20 == 7 && errors.As(err, &exit):
			case err != nil || got != i:
				t.Errorf("call %d: %d, %v", i, got, err)
			}
		})
	}
	wg.Wait()
}

func TestPoolRenewal(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 1, MaxCalls: 2})
	pids := map[int]bool{}
	for range 7 {
		pid, err := pyhost.Call[int](bg, p, "os.getpid")
		require.NoError(t, err)
		pids[pid] = true
	}
	require.GreaterOrEqual(t, len(pids), 3)
}

func TestPoolMemory(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 1, MaxMemory: 128 << 20})
	first, err := pyhost.Call[int](bg, p, "os.getpid")
	require.NoError(t, err)
	require.NoError(t, p.Exec(bg, "leak = []"))
	for i := 0; ; i++ { // it leaks until it is replaced
		pid, err := pyhost.Call[int](bg, p, "os.getpid")
		require.NoError(t, err)
		if pid != first {
			break
		}
		require.Less(t, i, 5000)
		_ = p.Exec(bg, "leak.append(b'x' * (1 << 20))") // the new worker knows no leak
	}
}
