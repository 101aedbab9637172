package pyhost_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const stressFunctions = `
import threading
def hammer(f, n): return sum(f(i) for i in range(n))
def hammer_for_ever(f):
    while True: f(1)
def hammer_threads(f, n):
    out = []
    ts = [threading.Thread(target=lambda: out.append(hammer(f, n))) for _ in range(3)]
    for t in ts: t.start()
    for t in ts: t.join()
    return sum(out)
def take_some(seq, n): return [v for v, _ in zip(seq, range(n))]
`

// Functions of all kinds, called by everybody at once, cancelled, nested, dropped half-way.
func TestStressFunctions(t *testing.T) {
	mustExec(t, stressFunctions)
	same := func(n int) int { return n }
	kinds := []any{
		same,
		func(n any) any { return n },
		func(_ context.Context, n int) (int, error) { return n, nil },
		func(th *pyhost.Thread, o *pyhost.Object) *pyhost.Object { return o },
		func(n int) (int, error) { return pyhost.Call[int](bg, rt, "hammer", same, n%5) },
		func(th *pyhost.Thread, n int) (m int, err error) {
			err = th.Detach(runtime.Gosched)
			if err == nil {
				m, err = pyhost.Call[int](bg, rt, "int", n)
			}
			return m, err
		},
		func(ctx context.Context, n int) (int, error) {
			short, stop := context.WithTimeout(ctx, time.Duration(n)*time.Millisecond)
			defer stop()
			m, err := pyhost.Call[int](short, rt, "int", n)
			if errors.Is(err, context.DeadlineExceeded) {
				return n, ctx.Err()
			}
			return m, err
		},
		func(n int) int {
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = pyhost.Call[int](bg, rt, "int", n) })
			wg.Wait()
			return n
		},
	}
	ops := []func(f any, i int) error{
		func(f any, i int) error { return rt.Call(bg, "hammer", nil, f, i%10) },
		func(f any, i int) error { return rt.Call(bg, "hammer_threads", nil, f, i%3) },
		func(f any, i int) error {
			ctx, stop := context.WithTimeout(bg, time.Duration(i%5)*time.Millisecond)
			defer stop()
			err := rt.Call(ctx, "hammer_for_ever", nil, f)
			if errors.Is(err, context.DeadlineExceeded) {
				return nil
			}
			return err
		},
		func(f any, i int) error {
			return rt.Do(bg, func(th *pyhost.Thread) error {
				fn, err := th.Value(f)
				for range i % 4 {
					if err == nil {
						_, err = fn.Call("", i)
					}
				}
				return err
			})
		},
		func(_ any, i int) error {
			var seq iter.Seq[int] = func(yield func(int) bool) {
				for n := 0; yield(n); n++ {
				}
			}
			return rt.Call(bg, "take_some", nil, seq, i%10)
		},
		func(_ any, i int) error {
			for n, err := range pyhost.Iter[int](bg, rt, "iter(range(100))") {
				if err != nil || n == i%20 {
					return err
				}
			}
			return nil
		},
	}
	over := time.Now().Add(stressFor(t))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := g; time.Now().Before(over); i++ {
				if err := ops[i%len(ops)](kinds[i%len(kinds)], i); err != nil {
					t.Errorf("operation %d, function %d: %+v", i%len(ops), i%len(kinds), err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, rt.Exec(bg, "pass"))
}
