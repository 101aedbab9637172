package subinterp_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
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

		lease, err := p.Acquire(bg)
		require.NoError(t, err)
		lease.Renew()
		lease.Release()
		renewed(p, 2)
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

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestMap(t *testing.T) {
	pools(t, config(2), func(t *testing.T, p *subinterp.Pool) {
		i := 0
		for got, err := range pyhost.Map[int](bg, p, "square", slices.Values(numbers(300))) {
			require.NoError(t, err)
			require.Equal(t, i*i, got)
			i++
		}
		require.Equal(t, 300, i)

		var errs []error
		for _, err := range pyhost.Map[int](bg, p, "fail", slices.Values(numbers(10))) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 6)
		require.ErrorIs(t, errs[5], pyhost.ValueError)
		errs = nil
		for _, err := range pyhost.Map[int](bg, p, "fail", slices.Values(numbers(10)),
			pyhost.MapOptions{AllErrors: true, Ahead: 1}) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 10)

		var begun atomic.Int32
		args := func(yield func(int) bool) {
			for yield(int(begun.Add(1))) {
			}
		}
		for n, err := range pyhost.Map[int](bg, p, "square", args, pyhost.MapOptions{Ahead: 4}) {
			require.NoError(t, err)
			if n == 9 {
				break
			}
		}
		require.LessOrEqual(t, begun.Load(), int32(12))
	})
}

// A Map that ends with its context does not pass for one that is complete.
func TestMapIsCancelled(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		for range 50 {
			ctx, stop := context.WithCancel(bg)
			got := make(chan bool)
			args := func(yield func(int) bool) {
				if yield(1) {
					<-got
					stop()
					yield(2)
				}
			}
			var errs []error
			for _, err := range pyhost.Map[int](ctx, p, "square", args) {
				if errs = append(errs, err); err == nil {
					got <- true
				}
			}
			require.Len(t, errs, 2)
			require.NoError(t, errs[0])
			require.ErrorIs(t, errs[1], context.Canceled)
		}
	})
}

func TestCloseOfNil(t *testing.T) {
	require.NoError(t, (*subinterp.Pool)(nil).Close())
}
