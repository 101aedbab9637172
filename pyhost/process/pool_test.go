//go:build linux

package process_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

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

// picky is an argument and a target that panics.
type picky struct{}

func (picky) MarshalPython() (any, error) { panic("not this") }

func (*picky) UnmarshalPython(any) error { panic("not that") }

func TestPoolAfterPanic(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 1})
	require.Panics(t, func() { _ = p.Call(bg, "abs", new(picky), 2) })
	require.Panics(t, func() { _ = p.Call(bg, "abs", nil, picky{}) })
	ctx, stop := context.WithTimeout(bg, 10*time.Second)
	defer stop()
	n, err := pyhost.Call[int](ctx, p, "abs", -3)
	require.NoError(t, err, "the worker is there for others")
	require.Equal(t, 3, n)
}

func TestPoolMap(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: `
import os
def work(i):
    if i == 33: os.abort()
    if i % 50 == 7: raise KeyError(i)
    return -i
`}})
	for _, chunk := range []int{1, 3, 10} {
		numbers := func(yield func(int) bool) {
			for i := 0; i < 100 && yield(i); i++ {
			}
		}
		i, lost := 0, 0
		for n, err := range pyhost.Map[int](bg, p, "work", numbers,
			pyhost.MapOptions{Chunk: chunk, AllErrors: true}) {
			var exit *process.ExitError
			switch {
			case errors.As(err, &exit): // with those that went with it
				lost++
				require.Equal(t, 33/chunk, i/chunk)
			case i%50 == 7 && chunk > 1 && errors.Is(err, process.ErrGone): // before it could tell
			case i%50 == 7:
				require.ErrorIs(t, err, pyhost.KeyError)
			default:
				require.NoError(t, err)
				require.Equal(t, -i, n)
			}
			i++
		}
		require.Equal(t, 100, i)
		require.Equal(t, chunk, lost)
	}
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

// Each reaches all workers, and has what it reaches until it is done, though they are renewed
// meanwhile.
func TestPoolEachDuringRenewal(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, MaxCalls: 1})
	stop := make(chan bool)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := p.Call(bg, "len", nil, "x"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 5 {
		renewed := p.Stats().Renewed
		require.NoError(t, p.Each(bg, func(ctx context.Context, rt *process.Runtime) error {
			for p.Stats().Renewed < renewed+6 {
				if err := rt.Call(ctx, "len", nil, "x"); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	close(stop)
	wg.Wait()
}

func TestPoolConfig(t *testing.T) {
	for _, cfg := range []process.PoolConfig{
		{Size: -1}, {Size: 1<<32 + 1}, {Size: 1, MaxCalls: -1}, {Size: 1, MaxAge: -1},
		{Size: 1, MaxMemory: -1},
	} {
		_, err := process.NewPool(bg, cfg)
		require.Error(t, err)
	}
}

type panics struct{ with func() }

func (p panics) MarshalPython() (any, error) { p.with(); return nil, nil }

// A call that panics, or ends its goroutine, gives its worker back.
func TestPoolPanic(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 1})
	for _, call := range []func(context.Context, string, any, ...any) error{p.Call, p.Pool.Call} {
		for _, with := range []func(){func() { panic("marshal") }, runtime.Goexit} {
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() { _ = recover() }()
				_ = call(bg, "len", nil, panics{with})
			})
			wg.Wait()
			require.NoError(t, call(bg, "len", nil, "x"))
		}
	}
}

func TestPoolRetry(t *testing.T) {
	flag := t.TempDir() + "/flag"
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Setup: `
import os
def once(flag):
    if not os.path.exists(flag):
        open(flag, "w").close()
        os.abort()
    return "done"
`, Stderr: io.Discard}})
	got, err := pyhost.Call[string](process.WithRetry(bg, 1), p, "once", flag)
	require.NoError(t, err)
	require.Equal(t, "done", got)
}

func TestSizeOfPool(t *testing.T) {
	_, err := process.NewPool(bg, process.PoolConfig{Size: -1})
	require.ErrorContains(t, err, "process: PoolConfig: Size or a bound is negative")
	require.ErrorContains(t, process.Register[struct{}](bg, nil, "x"), "nil")
}

func TestCloseOfNil(t *testing.T) {
	require.NoError(t, (*process.Runtime)(nil).Close())
	require.NoError(t, (*process.Pool)(nil).Close())
}
