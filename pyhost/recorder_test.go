package pyhost_test

import (
	"context"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// On 3.11 a profile hook spins for ever if an exception was set for a thread and then taken back.
func TestRecordingAfterCancellation(t *testing.T) {
	ctx, stop := context.WithTimeout(bg, time.Millisecond)
	defer stop()
	require.ErrorIs(t, rt.Exec(ctx, "while True: x = 1"), context.DeadlineExceeded)
	rec, err := rt.Record(pyhost.RecordOptions{})
	require.NoError(t, err)
	require.NoError(t, rt.Exec(bg, "def f(): return 1\nfor i in range(1000): f()"))
	rec.Stop()
}

func TestRecording(t *testing.T) {
	mustExec(t, `
import hashlib
data = b"x" * 4_000_000
def spin(n):
    for i in range(n): len(())
def digest():
    return hashlib.sha256(data).hexdigest()
`)
	rec, err := rt.Record(pyhost.RecordOptions{})
	require.NoError(t, err)
	_, err = rt.Record(pyhost.RecordOptions{})
	require.ErrorIs(t, err, pyhost.ErrRecording)
	var wg sync.WaitGroup
	for _, label := range []string{"spin", "digest"} {
		wg.Go(func() {
			pprof.Do(bg, pprof.Labels("goroutine", label), func(ctx context.Context) {
				for range 20 {
					if label == "spin" {
						require.NoError(t, rt.Call(ctx, "spin", nil, 20000))
					} else {
						require.NoError(t, rt.Call(ctx, "digest", nil))
					}
				}
			})
		})
	}
	wg.Wait()
	require.NoError(t, rt.Exec(bg, "pass"))
	r := rec.Stop()
	require.Same(t, r, rec.Stop())
	labels := map[string]int{}
	for i, l := range r.Lanes {
		labels[l.Label] = i
		require.NotZero(t, l.Thread)
	}
	require.Contains(t, labels, "spin")
	require.Contains(t, labels, "digest")
	require.Len(t, r.Lanes, 3, "the call without a label has the lane of its thread")
	attach, detach, names := map[int]int{}, map[int]int{}, map[string]bool{}
	for _, e := range r.Events {
		names[e.Name] = true
		switch e.Kind {
		case pyhost.EventAttach:
			attach[e.Lane]++
		case pyhost.EventDetach:
			detach[e.Lane]++
		}
	}
	require.Equal(t, 20, attach[labels["spin"]])
	require.Equal(t, attach, detach)
	require.Contains(t, names, "_hashlib.openssl_sha256")
	s := r.Summary()
	require.Positive(t, s.Handoffs)

	require.NoError(t, rt.Exec(bg, "import sys; assert sys.getprofile() is None"))
	rec, err = rt.Record(pyhost.RecordOptions{MaxEvents: 10})
	require.NoError(t, err)
	for range 20 {
		require.NoError(t, rt.Exec(bg, "pass"))
	}
	require.Positive(t, rec.Stop().Dropped)
}
