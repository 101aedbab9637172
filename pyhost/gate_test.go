package pyhost

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
)

// testGate is a gate without a Python behind it: pass does what C does.
func testGate(max int) *gate {
	return newGate(new(uint64), new(int32), max, false, func() bool { return false })
}

func (g *gate) attached(p pass) {
	if p.flags&cgo.FlagBaton != 0 {
		old := atomic.AndUint64(g.word, ^uint64(gateBaton))
		if old&gateQueued != 0 {
			g.PassBaton()
		}
	}
}

func TestGateIsFirstInFirstOut(t *testing.T) {
	g := testGate(1)
	first, err := g.enter(context.Background())
	require.NoError(t, err)
	order := make(chan int, 10)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			p, err := g.enter(context.Background())
			require.NoError(t, err)
			g.attached(p)
			order <- i
			g.leave(p)
		})
		for waiting := 0; waiting <= i; {
			_, _, waiting = g.counts()
		}
	}
	g.attached(first)
	g.leave(first)
	wg.Wait()
	for i := range 10 {
		require.Equal(t, i, <-order)
	}
}

func TestGateBounds(t *testing.T) {
	for _, max := range []int{1, 2, 7} {
		g := testGate(max)
		var inside, waiting, worst atomic.Int64
		var wg sync.WaitGroup
		var gil sync.Mutex
		for i := range 200 {
			wg.Go(func() {
				ctx, stop := context.WithCancel(context.Background())
				defer stop()
				for j := range 50 {
					if (i+j)%7 == 0 {
						go stop()
					}
					p, err := g.enter(ctx)
					if err != nil {
						require.ErrorIs(t, err, context.Canceled)
						ctx, stop = context.WithCancel(context.Background())
						defer stop()
						continue
					}
					worst.Store(max64(worst.Load(), waiting.Add(1)))
					require.LessOrEqual(t, inside.Add(1), int64(max))
					gil.Lock()
					waiting.Add(-1)
					g.attached(p)
					gil.Unlock()
					inside.Add(-1)
					g.leave(p)
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, worst.Load(), int64(2), "waiting for the GIL")
		_, in, queued := g.counts()
		require.Zero(t, in)
		require.Zero(t, queued)
		require.Zero(t, *g.word&(gateBaton|gateQueued))
	}
}

func max64(a, b int64) int64 { return max(a, b) }

func TestGateClose(t *testing.T) {
	g := testGate(1)
	p, err := g.enter(context.Background())
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, err := g.enter(context.Background())
			require.ErrorIs(t, err, ErrClosed)
		})
		for waiting := 0; waiting <= i; {
			_, _, waiting = g.counts()
		}
	}
	g.close()
	wg.Wait()
	_, err = g.enter(context.Background())
	require.ErrorIs(t, err, ErrClosed)
	g.attached(p)
	g.leave(p)
	<-g.idle
}
