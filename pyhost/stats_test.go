package pyhost_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestStats(t *testing.T) {
	before := rt.Stats()
	for range 640 {
		mustExec(t, "pass")
	}
	now := rt.Stats()
	require.GreaterOrEqual(t, now.Calls-before.Calls, uint64(640))
	require.GreaterOrEqual(t, now.Hold.Total-before.Hold.Total, uint64(9), "one in 64")
	mustExec(t, "many = [object() for _ in range(100_000)]")
	require.Greater(t, rt.Stats().MemoryBlocks, now.MemoryBlocks+90_000)
	mustExec(t, "del many")
}

// Those who wait at the gate are counted, and for how long, and those who do so no more.
func TestStatsOfTheGate(t *testing.T) {
	if rt.Info().Python.FreeThreaded {
		t.Skip("free-threaded builds have no GIL to wait for")
	}
	before := rt.Stats()
	ctx, stop := context.WithCancel(bg)
	var calls sync.WaitGroup
	var held time.Duration
	require.NoError(t, rt.Do(bg, func(*pyhost.Thread) error {
		for range 5 {
			calls.Go(func() {
				if err := rt.Exec(bg, "pass"); err != nil {
					t.Error(err)
				}
			})
		}
		waiting := func(n int) {
			is := func() bool { return rt.Stats().Waiting == n }
			require.Eventually(t, is, waitLong, waitTick)
		}
		waiting(4) // the fifth waits for the GIL
		begun := time.Now()
		calls.Go(func() { _ = rt.Exec(ctx, "pass") })
		waiting(5)
		require.Equal(t, 2, rt.Stats().Inside)
		stop()
		waiting(4)
		held = time.Since(begun)
		return nil
	}))
	calls.Wait()
	now := rt.Stats()
	require.Zero(t, now.Waiting)
	require.Equal(t, before.LeftQueue+1, now.LeftQueue)
	require.GreaterOrEqual(t, now.Wait.Total-before.Wait.Total, uint64(4))
	require.GreaterOrEqual(t, now.Wait.Max, held)
	require.GreaterOrEqual(t, now.Wait.Sum-before.Wait.Sum, 4*held)
	require.Equal(t, now.Wait.Max, now.Wait.Quantile(1))
	require.LessOrEqual(t, now.Wait.Mean(), now.Wait.Max)
	require.Zero(t, new(pyhost.Histogram).Mean())
}
