//go:build linux

package process_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func TestManyAtOnce(t *testing.T) {
	rt := start(t, process.Config{MaxThreads: 64, Setup: "import time, threading\n" +
		"all_here = threading.Barrier(50)\ndef meet(i): all_here.wait(); return i"})
	for range 3 {
		var wg sync.WaitGroup
		for i := range 50 { // each waits for the others
			wg.Go(func() {
				got, err := pyhost.Call[int](bg, rt, "meet", i)
				if err != nil || got != i {
					t.Errorf("call %d: %d, %v", i, got, err)
				}
			})
			wg.Go(func() { // among many that are short, which wait for nobody
				for range 100 {
					if err := rt.Call(bg, "len", nil, "x"); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	for i, err := range pyhost.Map[int](bg, rt, "abs", slices.Values([]int{0, -1, -2})) {
		require.NoError(t, err)
		require.GreaterOrEqual(t, i, 0)
	}
}

func TestCancel(t *testing.T) {
	rt := start(t, process.Config{Grace: 10 * time.Second,
		Setup: "def spin():\n  while True: pass"})
	pid := rt.Info().Pid
	for range 3 {
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		err := rt.Call(ctx, "spin", nil)
		stop()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var ce *pyhost.CancelError
		require.ErrorAs(t, err, &ce)
		require.False(t, ce.Abandoned)
		require.NotNil(t, ce.Python)
	}
	require.Equal(t, pid, rt.Info().Pid)
	ctx, stop := context.WithCancel(bg)
	stop()
	require.ErrorIs(t, rt.Call(ctx, "spin", nil), context.Canceled)
	require.NoError(t, rt.Call(bg, "len", nil, "x"))
}

// What does not stop is left behind, and its worker replaced; others that it serves end well.
func TestAbandon(t *testing.T) {
	flag := t.TempDir() + "/flag"
	rt := start(t, process.Config{Grace: 10 * time.Millisecond, Setup: `
import os, time
def other(flag):
    while not os.path.exists(flag): time.sleep(0.001)
    return os.getpid()
`})
	pid := rt.Info().Pid
	others := make(chan int)
	go func() {
		p, err := pyhost.Call[int](bg, rt, "other", flag)
		if err != nil {
			t.Error(err)
		}
		others <- p
	}()
	ref, err := pyhost.Call[*pyhost.Ref](bg, rt, "object")
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	err = rt.Call(ctx, "time.sleep", nil, 60)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.True(t, ce.Abandoned)
	now, err := pyhost.Call[int](bg, rt, "os.getpid")
	require.NoError(t, err)
	require.NotEqual(t, pid, now)
	require.ErrorIs(t, ref.Decode(bg, new(any)), process.ErrGone)
	require.NoError(t, os.WriteFile(flag, nil, 0o600))
	require.Equal(t, pid, <-others)
	require.Equal(t, uint64(1), rt.Stats().Restarts)
}
