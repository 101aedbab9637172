//go:build linux

package process

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const untilFlag = `
import os, time
def wait(flag):
    open(flag + ".begun", "w").close()
    while not os.path.exists(flag): time.sleep(0.001)
def die(flag):
    wait(flag)
    os.abort()
`

// longPool takes all calls for long ones, so that each worker has another at hand, which nothing
// but an idle worker calls back.
func longPool(t *testing.T, size int) *Pool {
	p, err := NewPool(context.Background(), PoolConfig{Size: size, MaxWaiting: 1,
		Config: Config{Setup: untilFlag, Stderr: io.Discard, CloseTimeout: time.Minute}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	p.queue.mean = time.Hour
	return p
}

// flagged begins a call that lasts until the flag is there, and waits until `pending` calls are on
// their way to workers.
func flagged(t *testing.T, p *Pool, name, flag string, pending int) (ended chan error) {
	return onItsWay(t, p, pending, func() error {
		return p.Call(context.Background(), name, nil, flag)
	})
}

func onItsWay(t *testing.T, p *Pool, pending int, call func() error) (ended chan error) {
	ended = make(chan error, 1)
	go func() { ended <- call() }()
	require.Eventually(t, func() bool {
		p.queue.mu.Lock()
		defer p.queue.mu.Unlock()
		sum := 0
		for b := range p.queue.batches {
			sum += b.lease.Runtime().Stats().Pending
		}
		return sum == pending
	}, 10*time.Second, time.Millisecond)
	return ended
}

func set(t *testing.T, flag string) { require.NoError(t, os.WriteFile(flag, nil, 0o600)) }

// The call at hand is made by the next worker when its own dies.
func TestWorkerDiesWithACallAtHand(t *testing.T) {
	p := longPool(t, 1)
	flag := t.TempDir() + "/flag"
	dies := flagged(t, p, "die", flag, 1)
	atHand := flagged(t, p, "wait", flag, 2)
	set(t, flag)
	var exit *ExitError
	require.ErrorAs(t, <-dies, &exit)
	require.NoError(t, <-atHand)
}

func TestPoolClosesWithACallAtHand(t *testing.T) {
	p := longPool(t, 1)
	flag := t.TempDir() + "/flag"
	runs := flagged(t, p, "wait", flag, 1)
	atHand := flagged(t, p, "wait", flag, 2)
	require.Eventually(t, func() bool {
		_, err := os.Stat(flag + ".begun")
		return err == nil
	}, 10*time.Second, time.Millisecond)
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	require.Eventually(t, func() bool {
		return errors.Is(p.Call(context.Background(), "abs", nil, 1), pyhost.ErrClosed)
	}, 10*time.Second, time.Millisecond)
	set(t, flag)
	ends := []error{<-runs, <-atHand} // the worker may have begun with either
	require.Contains(t, ends, nil)
	for _, err := range ends {
		if err != nil {
			require.ErrorIs(t, err, pyhost.ErrClosed)
		}
	}
	require.NoError(t, <-closed)
}

// A worker that gets idle takes over what another has at hand.
func TestIdleWorkerTakesTheCallAtHand(t *testing.T) {
	p := longPool(t, 2)
	one, other := t.TempDir()+"/flag", t.TempDir()+"/flag"
	runs := []chan error{flagged(t, p, "wait", one, 1), flagged(t, p, "wait", other, 2)}
	set(t, other+"s")
	atHand := []chan error{flagged(t, p, "wait", other+"s", 3), flagged(t, p, "wait", other+"s", 4)}
	set(t, other)
	require.NoError(t, <-runs[1])
	require.NoError(t, <-atHand[0])
	require.NoError(t, <-atHand[1])
	set(t, one)
	require.NoError(t, <-runs[0])
}

func TestCallAtHandIsCancelled(t *testing.T) {
	p := longPool(t, 1)
	flag := t.TempDir() + "/flag"
	runs := flagged(t, p, "wait", flag, 1)
	ctx, stop := context.WithCancel(context.Background())
	atHand := onItsWay(t, p, 2, func() error { return p.Call(ctx, "wait", nil, flag) })
	stop()
	err := <-atHand
	require.ErrorIs(t, err, context.Canceled)
	var ce *pyhost.CancelError
	require.ErrorAs(t, err, &ce)
	require.False(t, ce.Abandoned)
	set(t, flag)
	require.NoError(t, <-runs)
}

// MaxWaiting counts those that have no worker yet.
func TestMaxWaitingBesidesCallsAtHand(t *testing.T) {
	p := longPool(t, 1)
	flag := t.TempDir() + "/flag"
	calls := []chan error{flagged(t, p, "wait", flag, 1), flagged(t, p, "wait", flag, 2)}
	last := make(chan error, 1)
	go func() { last <- p.Call(context.Background(), "wait", nil, flag) }()
	require.Eventually(t, func() bool { return p.Stats().Waiting == 1 }, 10*time.Second,
		time.Millisecond)
	require.ErrorIs(t, p.Call(context.Background(), "abs", nil, 1), pyhost.ErrOverloaded)
	set(t, flag)
	for _, ended := range append(calls, last) {
		require.NoError(t, <-ended)
	}
}

// Calls that were taken back get the next workers before the others, the first the first.
func TestRecalledCallsKeepTheirOrder(t *testing.T) {
	p := longPool(t, 1)
	p.queue.most = 0
	lease, err := p.Acquire(context.Background())
	require.NoError(t, err)
	order := make(chan int)
	for i, alone := range []bool{false, true, true, true} {
		go func() {
			ticket := &ticket{got: make(chan *batch, 1), alone: alone}
			b, _, err := p.queue.acquire(context.Background(), ticket)
			if err != nil {
				t.Error(err)
			}
			order <- i
			p.queue.finish(b, false)
		}()
		require.Eventually(t, func() bool { return p.Stats().Waiting == i+1 }, 10*time.Second,
			time.Millisecond)
	}
	lease.Release()
	require.Equal(t, []int{1, 2, 3, 0}, []int{<-order, <-order, <-order, <-order})
}
