package pyhost_test

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	inChild("close/lease", leaseEnds)
	inChild("close/lease for ever", leaseForEver)
	inChild("close/lost lease", lostLease)
	inChild("close/inside", closeInside)
}

func leaseEnds(t require.TestingT) {
	rt := mustOpen(t, patient)
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	require.NoError(t, th.Detach(func() {
		require.ErrorContains(t, rt.Close(), "Close while attached")
	}))
	closed := make(chan error)
	go func() { closed <- rt.Close() }()
	for errors.Is(elsewhere(rt), context.DeadlineExceeded) {
		runtime.Gosched()
	}
	s, err := th.Value("still usable")
	require.NoError(t, err)
	require.NoError(t, rt.Call(bg, "len", nil, s), "and so are calls of its goroutine")
	th.Release()
	require.NoError(t, <-closed)
}

// elsewhere tries a call on a goroutine of its own.
func elsewhere(rt *pyhost.Runtime) error {
	done := make(chan error)
	go func() {
		ctx, stop := context.WithTimeout(bg, time.Millisecond)
		defer stop()
		done <- rt.Exec(ctx, "pass")
	}()
	return <-done
}

func leaseForEver(t require.TestingT) {
	rt := mustOpen(t, quick)
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	closed := make(chan error)
	go func() { closed <- rt.Close() }()
	require.Equal(t, 1, leak(t, <-closed).Inside)
	_, err = th.Value(1)
	require.NoError(t, err, "nothing was finalised under it")
	th.Release()
}

func lostLease(t require.TestingT) {
	rt := mustOpen(t, patient)
	acquired := make(chan error)
	go func() {
		_, err := rt.Acquire(bg)
		acquired <- err
	}()
	require.NoError(t, <-acquired)
	require.NoError(t, rt.Close())
}

func closeInside(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Do(bg, func(*pyhost.Thread) error {
		require.ErrorContains(t, rt.Close(), "Close while attached")
		return rt.Exec(bg, "1")
	}))
	require.NoError(t, rt.Exec(bg, "1"))
	require.NoError(t, rt.Close())
}
