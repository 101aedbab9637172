package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const sharedValues = `
import threading
class Point:
    def __init__(self): self.x = 1; self.y = 2.5; self.name = "p"
point, items, table, raw, many = Point(), [1, 2, 3], {"a": 1}, bytearray(100), set()
def change(i):
    items.append(i); table[str(i % 50)] = i; many.add(i % 50)
    if len(items) > 200: del items[:]; table.pop(str(i % 50), None)
    setattr(point, "x", i); point.__dict__["z" + str(i % 20)] = i
    many.discard((i + 7) % 50)
    return i
def back(f, n): return sum(f(i) for i in range(n))
def thread():
    t = threading.Thread(target=change, args=(1,)); t.start(); t.join()
def raises(i): raise ValueError(i)
def total(b):
    with memoryview(b) as m: return sum(m)
def count(n):
    while n: n -= 1
`

// hammer uses what all share, from every side.
func hammer(rt *pyhost.Runtime, i int) error {
	switch i % 14 {
	case 0:
		_, err := pyhost.Call[int](bg, rt, "change", i)
		return err
	case 1:
		_, err := pyhost.Eval[[]int](bg, rt, "items")
		return err
	case 2:
		_, err := pyhost.Eval[map[string]int](bg, rt, "table")
		return err
	case 3:
		_, err := pyhost.Eval[[]byte](bg, rt, "raw")
		return err
	case 4:
		_, err := pyhost.Eval[any](bg, rt, "[items, table, many.copy(), point]")
		return err
	case 5:
		n, err := pyhost.Call[int](bg, rt, "back", func(i int) int { return i }, 10)
		if err == nil && n != 45 {
			return fmt.Errorf("back: %d", n)
		}
		return err
	case 6:
		if err := rt.Call(bg, "raises", nil, i); !errors.Is(err, pyhost.ValueError) {
			return err
		}
		return nil
	case 7:
		b, err := pyhost.NewBuffer([]byte{1, 2, 3})
		if err != nil {
			return err
		}
		n, err := pyhost.Call[int](bg, rt, "total", b)
		_ = b.Close()
		if err == nil && n != 6 {
			return fmt.Errorf("total: %d", n)
		}
		return err
	case 8:
		for _, err := range pyhost.Iter[int](bg, rt, "range(20)") {
			if err != nil {
				return err
			}
		}
		return nil
	case 9:
		return rt.Do(bg, func(th *pyhost.Thread) error {
			o, err := th.Eval("point")
			if err != nil {
				return err
			}
			x, err := o.Attr("x")
			if err != nil {
				return err
			}
			ref := x.Keep()
			go ref.Close()
			return o.SetAttr("w", slices.Repeat([]any{i}, 3))
		})
	case 10:
		return rt.Exec(bg, fmt.Sprintf("v%d = %d", i%7, i))
	case 11:
		var out struct {
			X any `py:"x"`
		}
		return rt.Eval(bg, "point", &out)
	case 12:
		ctx, stop := context.WithTimeout(bg, 2*time.Millisecond)
		defer stop()
		err := rt.Call(ctx, "count", nil, 1_000_000)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		return err
	default:
		return rt.Call(bg, "thread", nil)
	}
}

// Everything at once, and a Close in the middle of it.
func TestHammer(t *testing.T) { child(t, "hammer") }

func init() { inChild("hammer", hammered) }

func hammered(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, sharedValues))
	limit := stressFor(t)
	var wg sync.WaitGroup
	var done atomic.Int64
	for g := range 16 {
		wg.Go(func() {
			for i := g; ; i++ {
				err := hammer(rt, i*(g+1))
				if errors.Is(err, pyhost.ErrClosed) || errors.Is(err, context.Canceled) {
					return
				}
				require.NoError(t, err, "%d", i*(g+1)%14)
				done.Add(1)
			}
		})
	}
	wg.Go(func() {
		for rt.Exec(bg, "import gc; gc.collect()") == nil {
			runtime.GC()
		}
	})
	<-time.After(limit)
	require.NoError(t, rt.Close())
	wg.Wait()
	require.Greater(t, done.Load(), int64(16))
}
