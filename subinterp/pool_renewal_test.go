package subinterp_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// renewed waits until the pool has renewed so many runtimes, and all are there again.
func renewed(p *subinterp.Pool, n uint64) {
	for s := p.Stats(); s.Renewed < n || s.Idle < s.Size; s = p.Stats() {
		runtime.Gosched()
	}
}

func TestRenewal(t *testing.T) {
	cfg := config(1)
	cfg.MaxCalls = 10
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		first := p.Info().Interpreter
		for range 9 {
			require.NoError(t, p.Exec(bg, "here()"))
		}
		require.Equal(t, first, p.Info().Interpreter)
		require.NoError(t, p.Exec(bg, "mark = 1"))
		renewed(p, 1)
		require.NotEqual(t, first, p.Info().Interpreter)
		require.ErrorIs(t, p.Exec(bg, "mark"), pyhost.NameError)
		for range 7 { // the new one counts from the start
			require.NoError(t, p.Exec(bg, "mark = 2"))
		}
		require.NoError(t, p.Exec(bg, "mark"))

		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		lease.Renew()
		lease.Release()
		renewed(p, 2)
	})
}

func TestRenewalByAge(t *testing.T) {
	cfg := config(1)
	cfg.MaxAge = time.Nanosecond
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		for n := range uint64(3) {
			require.NoError(t, p.Exec(bg, "mark = 1"))
			renewed(p, n+1)
		}
		require.ErrorIs(t, p.Exec(bg, "mark"), pyhost.NameError)
	})
}

func TestEachKnowsWhatIsRenewedMeanwhile(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		var once sync.Once
		require.NoError(t, p.Each(bg, func(ctx context.Context, rt *pyhost.Runtime) error {
			once.Do(func() {
				lease, err := p.Acquire(bg)
				require.NoError(t, err)
				lease.Renew()
				lease.Release()
				renewed(p, 1)
			})
			return rt.Exec(ctx, "told = True")
		}))
		require.NoError(t, p.Exec(bg, "assert told"))
	})
}

func TestRenewalAfterAnAbandonedCall(t *testing.T) {
	cfg := config(1)
	cfg.Grace, cfg.CloseTimeout = 20*time.Millisecond, 5*time.Second
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		ctx, stop := context.WithTimeout(bg, 10*time.Millisecond)
		defer stop()
		require.ErrorIs(t, p.Call(ctx, "time.sleep", nil, .5), context.DeadlineExceeded)
		renewed(p, 1)
		require.NoError(t, p.Exec(bg, "here()"))
	})
}

func TestRenewalThatFails(t *testing.T) {
	var starts atomic.Int32
	cfg := config(1)
	cfg.MaxCalls = 1
	cfg.SetupFunc = func(context.Context, *pyhost.Runtime) error {
		if starts.Add(1)%2 == 0 {
			return errors.New("no more")
		}
		return nil
	}
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		starts.Store(1)
		require.NoError(t, p.Exec(bg, "mark = 1"))
		for p.Stats().Failed == 0 {
			runtime.Gosched()
		}
		require.NoError(t, p.Exec(bg, "mark"))
		renewed(p, 1)
		starts.Store(0)
	})
}
