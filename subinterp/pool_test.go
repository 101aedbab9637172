package subinterp_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// pools runs a test on a new pool of each kind of GIL.
func pools(t *testing.T, cfg subinterp.PoolConfig, fn func(t *testing.T, p *subinterp.Pool)) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg.GIL = gil
			p, err := subinterp.NewPool(bg, mainRT, cfg)
			require.NoError(t, err)
			fn(t, p)
			require.NoError(t, p.Close())
			require.NoError(t, p.Close())
			require.ErrorIs(t, p.Exec(bg, "1"), pyhost.ErrClosed)
			_, err = p.Acquire(bg)
			require.ErrorIs(t, err, pyhost.ErrClosed)
		})
	}
}

const setup = "import os\ndef here(*args): return id(here)\ndef square(n): return n * n\n" +
	"def fail(n):\n  if n == 5: raise ValueError(n)\n  return n"

func config(size int) subinterp.PoolConfig {
	return subinterp.PoolConfig{Config: subinterp.Config{Setup: setup}, Size: size}
}

// picky is a target that panics.
type picky struct{}

func (*picky) UnmarshalPython(any) error { panic("not that") }

func TestPoolAfterPanic(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		require.Panics(t, func() { _ = p.Call(bg, "square", new(picky), 2) })
		require.Panics(t, func() {
			_ = p.Do(bg, func(*pyhost.Thread) error { panic("in the middle") })
		})
		ctx, stop := context.WithTimeout(bg, 10*time.Second)
		defer stop()
		n, err := pyhost.Call[int](ctx, p, "square", 3)
		require.NoError(t, err, "the runtime is there for others")
		require.Equal(t, 9, n)
	})
}

func TestPoolCalls(t *testing.T) {
	pools(t, config(3), func(t *testing.T, p *subinterp.Pool) {
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				n, err := pyhost.Call[int](bg, p, "square", i)
				if err != nil || n != i*i {
					t.Error(n, err)
				}
				err = p.Do(bg, func(th *pyhost.Thread) error {
					_, err := th.Import("json")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		s := p.Stats()
		require.Equal(t, 3, s.Idle)
		require.Equal(t, uint64(400), s.Calls)
		require.NotZero(t, p.Info().Interpreter)
		var seen sync.Map
		require.NoError(t, p.Each(bg, func(ctx context.Context, rt *pyhost.Runtime) error {
			n, err := pyhost.Call[int](ctx, rt, "here")
			seen.Store(rt, n)
			return errors.Join(err, rt.Exec(ctx, "setting = 7"))
		}))
		seven, err := pyhost.Eval[int](bg, p, "setting")
		require.NoError(t, err)
		require.Equal(t, 7, seven)
		require.ErrorIs(t, p.Each(bg, func(ctx context.Context, rt *pyhost.Runtime) error {
			return rt.Exec(ctx, "1/0")
		}), pyhost.ZeroDivisionError)
	})
}

func TestLease(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		exec(t, lease.Runtime(), "mine = 1")
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		defer stop()
		require.ErrorIs(t, p.Exec(ctx, "pass"), context.DeadlineExceeded)
		lease.Release()
		lease.Release()
		require.Panics(t, func() { lease.Runtime() })
		require.NoError(t, p.Exec(bg, "mine"))
	})
}

type panics struct{}

func (panics) MarshalPython() (any, error) { panic("marshal") }

func TestPoolKeepsARuntimeWhoseCallPanics(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		for range 2 {
			require.PanicsWithValue(t, "marshal", func() { _ = p.Call(bg, "repr", nil, panics{}) })
		}
		ctx, stop := context.WithTimeout(bg, time.Minute)
		defer stop()
		require.NoError(t, p.Exec(ctx, "pass"))
		lease, err := p.Acquire(ctx)
		require.NoError(t, err)
		lease.Release()
		require.NotPanics(t, func() { lease.Used(2); lease.Renew() })
	})
}

func TestPoolIsOverloaded(t *testing.T) {
	cfg := config(1)
	cfg.MaxWaiting = 2
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if err := p.Exec(bg, "pass"); err != nil {
					t.Error(err)
				}
			})
		}
		for p.Stats().Waiting < 2 {
			runtime.Gosched()
		}
		require.ErrorIs(t, p.Exec(bg, "pass"), pyhost.ErrOverloaded)
		lease.Release()
		wg.Wait()
		require.Equal(t, uint64(1), p.Stats().Overloaded)
	})
}

func TestPoolThatCannotStart(t *testing.T) {
	cfg := config(3)
	cfg.GIL = subinterp.SharedGIL
	cfg.Setup = "1/0"
	_, err := subinterp.NewPool(bg, mainRT, cfg)
	require.ErrorIs(t, err, pyhost.ZeroDivisionError)
	_, err = subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{Size: -1})
	require.ErrorIs(t, err, subinterp.ErrConfig)
	_, err = subinterp.NewPool(bg, nil, subinterp.PoolConfig{})
	require.ErrorIs(t, err, subinterp.ErrConfig)
	_, err = subinterp.New(bg, nil, subinterp.Config{})
	require.ErrorIs(t, err, subinterp.ErrConfig)
	require.ErrorIs(t, subinterp.Check(bg, nil, "json"), subinterp.ErrConfig)
	if !ownGIL() {
		_, err = subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{})
		require.ErrorIs(t, err, pyhost.ErrOwnGILUnsupported)
		require.ErrorContains(t, err, "Config.GIL: subinterp.SharedGIL")
	}
}

func TestCloseOfABusyPool(t *testing.T) {
	cfg := config(2)
	cfg.CloseTimeout = time.Second
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				for p.Exec(bg, "for i in range(1000): pass") == nil {
				}
			})
		}
		if minor() >= 13 { // before, it would keep the GIL that they share from the others
			wg.Go(func() {
				if err := p.Exec(bg, "while True: pass"); !errors.Is(err, pyhost.ErrClosed) {
					t.Error(err)
				}
			})
		}
		for p.Stats().Calls < 100 {
			runtime.Gosched()
		}
		require.NoError(t, p.Close())
		wg.Wait()
	})
}

// Who waits for a runtime when the pool is closed is told at once, not when one is given back.
func TestWaitingCallsEndWithThePool(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		defer lease.Release()
		cancellable, stop := context.WithCancel(bg)
		defer stop()
		calls := make(chan error, 2)
		for _, ctx := range []context.Context{bg, cancellable} {
			go func() { calls <- p.Exec(ctx, "pass") }()
		}
		for p.Stats().Waiting < 2 {
			runtime.Gosched()
		}
		require.NoError(t, p.Close())
		for range 2 {
			select {
			case err := <-calls:
				require.ErrorIs(t, err, pyhost.ErrClosed)
			case <-time.After(10 * time.Second):
				t.Fatal("a call still waits")
			}
		}
	})
}

func TestCloseOfNil(t *testing.T) {
	require.NoError(t, (*subinterp.Pool)(nil).Close())
}
