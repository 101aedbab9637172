package pyhost_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const (
	waitLong = 30 * time.Second
	waitTick = time.Millisecond
)

// stressFor is how long a stress test hammers.
func stressFor(t require.TestingT) time.Duration {
	v := os.Getenv("STRESS_TEST_DURATION")
	if v == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(v)
	require.NoError(t, err)
	return d
}

const stressCode = `
import time
def stress_add(a, b): return a + b
def stress_fail(n): raise ValueError(n)
def stress_spin():
    while True: x = 1
def stress_nap(): time.sleep(0.001)
def stress_cycle():
    class C: pass
    a = C(); a.self = a
    return id(a) & 1
`

// stressOps are what goroutines do to the runtime; each checks what it gets.
var stressOps = []func(t *testing.T, i int){
	func(t *testing.T, i int) {
		n, err := pyhost.Call[int](bg, rt, "stress_add", i, 1)
		require.NoError(t, err)
		require.Equal(t, i+1, n)
	},
	func(t *testing.T, i int) {
		n, err := pyhost.Eval[[]int](bg, rt, "[1, 2, 3]")
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 3}, n)
	},
	func(t *testing.T, i int) {
		var pe *pyhost.PythonError
		require.ErrorAs(t, rt.Call(bg, "stress_fail", nil, i), &pe)
		require.Equal(t, "ValueError", pe.Type)
	},
	func(t *testing.T, _ int) { require.NoError(t, rt.Call(bg, "stress_nap", nil)) },
	func(t *testing.T, _ int) { require.NoError(t, rt.Call(bg, "stress_cycle", nil)) },
	stressCancel,
	stressDo,
	stressLocked,
	stressExit,
}

func stressCancel(t *testing.T, i int) {
	ctx, stop := context.WithTimeout(bg, time.Duration(i%7)*time.Millisecond)
	defer stop()
	err := rt.Call(ctx, "stress_spin", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	n, err := pyhost.Call[int](ctx, rt, "stress_add", i, 1)
	if err == nil {
		require.Equal(t, i+1, n)
	} else {
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

func stressDo(t *testing.T, i int) {
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(i)
		require.NoError(t, err)
		require.NoError(t, th.Detach(runtime.Gosched))
		require.NoError(t, rt.Exec(bg, "stress_seen = 1"))
		var n int
		require.NoError(t, o.Decode(&n))
		require.Equal(t, i, n)
		return nil
	}))
}

// stressLocked runs on an OS thread that dies afterwards.
func stressLocked(t *testing.T, i int) {
	var wg sync.WaitGroup
	wg.Go(func() {
		runtime.LockOSThread()
		n, err := pyhost.Call[int](bg, rt, "stress_add", i, 1)
		require.NoError(t, err)
		require.Equal(t, i+1, n)
	})
	wg.Wait()
}

// stressExit forgets Release.
func stressExit(t *testing.T, _ int) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := rt.Acquire(bg)
		require.NoError(t, err)
	})
	wg.Wait()
}

func settled(t *testing.T) {
	require.Eventually(t, func() bool {
		s := rt.Stats()
		return s.Inside == 0 && s.Waiting == 0 && s.StillRunning == 0
	}, waitLong, waitTick)
	require.NoError(t, rt.Exec(bg, "pass"))
}

// Everything at once, for as long as it is asked to.
func TestStressEverything(t *testing.T) {
	mustExec(t, stressCode)
	defer collectAlways()()
	end := time.Now().Add(stressFor(t))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for time.Now().Before(end) {
				i := rand.IntN(1 << 20)
				stressOps[i%len(stressOps)](t, i)
			}
		})
	}
	wg.Wait()
	settled(t)
}

// Ten thousand goroutines at once.
func TestStressManyGoroutines(t *testing.T) {
	mustExec(t, stressCode)
	many := 10_000
	if instrumented { // which takes 8,128 goroutines at most
		many = 5000
	}
	for end := time.Now().Add(stressFor(t)); ; {
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				ctx, stop := context.WithTimeout(bg, time.Duration(i%200)*time.Millisecond)
				defer stop()
				if i%2 == 0 {
					ctx = bg
				}
				n, err := pyhost.Call[int](ctx, rt, "stress_add", i, 1)
				if err != nil && ctx != bg && errors.Is(err, context.DeadlineExceeded) {
					return
				}
				require.NoError(t, err)
				require.Equal(t, i+1, n)
			})
		}
		wg.Wait()
		if time.Now().After(end) {
			break
		}
	}
	settled(t)
	require.Less(t, rt.Stats().ThreadStates, 300)
}
