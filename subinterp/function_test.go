package subinterp_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

type counter struct{ N int }

func (c *counter) Add(n int) int { c.N += n; return c.N }

// Go functions, modules and classes are in each interpreter what they are in the main one; a
// function may call any interpreter.
func TestFunctionsInSubInterpreters(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			sub, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
			require.NoError(t, err)
			exec(t, mainRT, "def through(f, *args): return f(*args)")
			exec(t, sub, "def through(f, *args): return f(*args)")
			var down func(n int) (int, error)
			down = func(n int) (int, error) {
				if n == 0 {
					return 0, nil
				}
				rt := mainRT
				if n%2 == 0 {
					rt = sub
				}
				sum, err := pyhost.Call[int](bg, rt, "through", down, n-1)
				return sum + n, err
			}
			var attached func(th *pyhost.Thread, n int) (int, error)
			attached = func(th *pyhost.Thread, n int) (int, error) {
				if n == 0 {
					return 0, nil
				}
				rt := mainRT
				if th.Runtime() == mainRT {
					rt = sub
				}
				sum, err := pyhost.Call[int](bg, rt, "through", attached, n-1)
				return sum + n, err
			}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for _, f := range []any{down, attached} {
						sum, err := pyhost.Call[int](bg, sub, "through", f, 20)
						assert.NoError(t, err) //nolint:testifylint // on another goroutine
						assert.Equal(t, 210, sum)
					}
				})
			}
			wg.Wait()
			c := &counter{}
			require.NoError(t, sub.Module(bg, "host", pyhost.Members{
				"Counter": pyhost.Class{Of: c}, "add": func(a, b int) int { return a + b }}))
			n, err := pyhost.Call[int](bg, sub, "host.Counter.Add", c, 3)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.Equal(t, 3, c.N)
			exec(t, sub, `
import threading, host
def crowd():
    for i in range(100): host.add(i, 1)
ts = [threading.Thread(target=crowd) for _ in range(4)]
for t in ts: t.start()
for t in ts: t.join()
`)
			var ref *pyhost.Ref
			require.NoError(t, sub.Eval(bg, "object()", &ref))
			err = mainRT.Call(bg, "through", nil, func() *pyhost.Ref { return ref })
			require.ErrorIs(t, err, pyhost.ErrOtherRuntime)
			require.NoError(t, sub.Close())
			_, err = down(2)
			require.ErrorIs(t, err, pyhost.ErrClosed)
		})
	}
}

// A function that leaves another interpreter attached still answers in its own.
func TestFunctionLeavesAnotherInterpreterAttached(t *testing.T) {
	exec(t, mainRT, "def through(f): return f()")
	each(t, subinterp.Config{}, func(t *testing.T, sub *pyhost.Runtime) {
		done := make(chan struct{})
		go func() { // its OS thread ends with it, and gives the place of sub back
			defer close(done)
			got, err := pyhost.Call[[]string](bg, mainRT, "through",
				func(*pyhost.Thread) ([]string, error) {
					_, err := sub.Acquire(bg)
					return []string{"a"}, err
				})
			assert.NoError(t, err)
			assert.Equal(t, []string{"a"}, got)
		}()
		<-done
		exec(t, sub, "pass")
		exec(t, mainRT, "import gc; gc.collect()")
	})
}

// What a runtime has of Go, classes too, goes with it.
func TestClosedInterpreterHoldsNothingOfGo(t *testing.T) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			before := cgo.LiveValues()
			sub, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
			require.NoError(t, err)
			require.NoError(t, sub.Module(bg, "host", pyhost.Members{
				"Counter": pyhost.Class{Of: counter{}}, "nothing": func() {}}))
			exec(t, sub, "import host; c = host.Counter(); c.Add(1)")
			require.NoError(t, sub.Close())
			require.Equal(t, before, cgo.LiveValues())
		})
	}
}

// It would wait for itself.
func TestMainIsNotClosedByItsChild(t *testing.T) {
	sub, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.SharedGIL})
	require.NoError(t, err)
	exec(t, sub, "def through(f): return f()")
	for _, f := range []any{mainRT.Close, func(*pyhost.Thread) error { return mainRT.Close() }} {
		require.ErrorContains(t, sub.Call(bg, "through", nil, f), "attached")
	}
	require.NoError(t, sub.Close())
	exec(t, mainRT, "pass")
}
