//go:build linux

package process_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

// A call that takes long keeps none waiting that was handed to the same worker.
func TestPoolLongAmongShort(t *testing.T) {
	flag := t.TempDir() + "/flag"
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: `
import os, time
def short(): pass
def long(flag):
    while not os.path.exists(flag): time.sleep(0.001)
`}})
	crowd := func() *sync.WaitGroup {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 50 {
					if err := p.Call(bg, "short", nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		return &wg
	}
	crowd().Wait() // calls are known to be short now
	long := make(chan error)
	wg := crowd()
	go func() { long <- p.Call(bg, "long", nil, flag) }()
	wg.Wait()
	require.NoError(t, os.WriteFile(flag, nil, 0o600))
	require.NoError(t, <-long)
	require.GreaterOrEqual(t, p.Stats().Calls, uint64(2*64*50+1)) // those recalled count twice
}

// Where calls are long a worker has the next one at hand: but that one does not wait for the end of
// the first while another worker is idle, nor for ever.
func TestPoolLongBehindLong(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: `
import os, threading, time
inside = 0
def long(n):
    global inside
    inside += 1
    assert inside == 1, "two at once"
    time.sleep(n / 1000)
    inside -= 1
    return n
def wait(flag):
    while not os.path.exists(flag): time.sleep(0.001)
`}})
	for n, err := range pyhost.Map[int](bg, p, "long", slices.Values(slices.Repeat([]int{3}, 40)),
		pyhost.MapOptions{Ahead: 8}) {
		require.NoError(t, err)
		require.Equal(t, 3, n)
	}
	for range 5 {
		flag := t.TempDir() + "/flag"
		blocked := make(chan error)
		go func() { blocked <- p.Call(bg, "wait", nil, flag) }()
		for range 3 { // more than there are workers left
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if err := p.Call(bg, "long", nil, 3); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		require.NoError(t, os.WriteFile(flag, nil, 0o600))
		require.NoError(t, <-blocked)
	}
}

func TestPoolWaiting(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 1, MaxWaiting: 1})
	lease, err := p.Acquire(bg)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(bg)
	waits := make(chan error)
	go func() { waits <- p.Call(ctx, "len", nil, "x") }()
	require.Eventually(t, func() bool { return p.Stats().Waiting == 1 }, 10*time.Second,
		time.Millisecond)
	require.ErrorIs(t, p.Call(bg, "len", nil, "x"), pyhost.ErrOverloaded)
	stop()
	require.ErrorIs(t, <-waits, context.Canceled)
	lease.Release()
	require.NoError(t, p.Call(bg, "len", nil, "x"))
	require.ErrorIs(t, p.Call(nil, "len", nil), pyhost.ErrNilContext) //nolint:staticcheck // meant
	require.Equal(t, uint64(1), p.Stats().Overloaded)
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Call(bg, "len", nil, "x"), pyhost.ErrClosed)
}

// A Go function that a pooled worker calls makes its own calls as if it were not in a pool.
func TestPoolFunctionsCallElsewhere(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: apply}})
	busy := start(t, process.Config{MaxThreads: 1})
	all := func(name string, arg any) { // while nobody has a worker, so that they get it together
		var leases [2]*pyhost.Lease[*process.Runtime]
		for i := range leases {
			var err error
			leases[i], err = p.Acquire(bg)
			require.NoError(t, err)
		}
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if err := p.Call(bg, name, nil, arg); err != nil {
					t.Error(err)
				}
			})
		}
		require.Eventually(t, func() bool { return p.Stats().Waiting == 64 }, 10*time.Second,
			time.Millisecond)
		leases[0].Release()
		leases[1].Release()
		wg.Wait()
	}
	for range 50 {
		all("len", "x") // calls are known to be short now
	}
	var made atomic.Int64
	all("apply", func(ctx context.Context) error {
		made.Add(1)
		slept := make(chan error)
		go func() { slept <- busy.Call(bg, "time.sleep", nil, 0.01) }()
		err := busy.Call(ctx, "len", nil, "x") // waits for that, as a rule
		return errors.Join(err, <-slept)
	})
	require.Equal(t, int64(64), made.Load(), "each once")
}
