//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func stressTime() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("STRESS_TEST_DURATION")); err == nil {
		return d
	}
	return time.Second
}

// oneCall makes a call of some kind, and says what went wrong but for the ends of workers.
func oneCall(r pyhost.Runner) error {
	size := 1 << rand.N(22)
	var err error
	switch rand.N(6) {
	case 0, 1: // values of all sizes, in segments and on the socket
		data := bytes.Repeat([]byte{byte(size)}, size)
		var got []byte
		if err = r.Call(bg, "same", &got, data); err == nil && !bytes.Equal(got, data) {
			return errors.New("bytes came back as others")
		}
	case 2:
		text := strings.Repeat("ü", size/8)
		var got map[string][]string
		err = r.Call(bg, "same", &got, map[string][]string{"a": {text, "x"}})
		if err == nil && (got["a"][0] != text || got["a"][1] != "x") {
			return errors.New("texts came back as others")
		}
	case 3:
		ctx, stop := context.WithTimeout(bg, time.Duration(rand.N(int(3*time.Millisecond))))
		defer stop()
		err = r.Call(ctx, "spin", nil)
	case 4:
		var ref *pyhost.Ref
		if err = r.Call(bg, "object", &ref); err == nil {
			err = ref.Decode(bg, new(any))
			ref.Close()
		}
	case 5:
		err = r.Eval(bg, "1 / 0", nil)
		if err == nil {
			return errors.New("no error of 1 / 0")
		}
	}
	var exit *process.ExitError
	switch {
	case errors.As(err, &exit), errors.Is(err, process.ErrGone),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, pyhost.ZeroDivisionError):
		return nil
	}
	return err
}

// Calls of all kinds and sizes, cancelled ones among them, while workers are killed: none hangs,
// and none gets what is another's.
func TestStressKill(t *testing.T) {
	cfg := process.Config{Grace: time.Second, Stderr: io.Discard,
		Setup: "def same(x): return x\ndef spin():\n  while True: pass"}
	rt := start(t, cfg)
	p := newPool(t, process.PoolConfig{Config: cfg, Size: 2})
	until := time.Now().Add(stressTime())
	var wg sync.WaitGroup
	for i := range 8 {
		r := pyhost.Runner(rt)
		if i%2 == 0 {
			r = p
		}
		wg.Go(func() {
			for time.Now().Before(until) && !t.Failed() {
				if err := oneCall(r); err != nil {
					t.Errorf("%+v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(until) {
			time.Sleep(time.Duration(rand.N(int(100 * time.Millisecond))))
			_ = syscall.Kill(rt.Info().Pid, syscall.SIGKILL)
			_ = syscall.Kill(p.Info().Pid, syscall.SIGKILL)
		}
	})
	wg.Wait()
}

// Calls that are not marked idempotent, while workers are killed: none is made twice, and those
// that return were made.
func TestStressNeverTwice(t *testing.T) {
	log := t.TempDir() + "/log"
	cfg := process.Config{Stderr: io.Discard, Setup: `
import os
fd = os.open("` + log + `", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def mark(n): os.write(fd, b"%d\n" % n); return n
`}
	rt := start(t, cfg)
	p := newPool(t, process.PoolConfig{Config: cfg, Size: 2, MaxCalls: 500})
	until := time.Now().Add(stressTime())
	var wg sync.WaitGroup
	var last atomic.Int64
	var mu sync.Mutex
	returned := map[string]bool{}
	for i := range 40 {
		r := pyhost.Runner(rt)
		if i%4 != 0 {
			r = p
		}
		wg.Go(func() {
			for time.Now().Before(until) && !t.Failed() {
				n := last.Add(1)
				got, err := pyhost.Call[int64](bg, r, "mark", n)
				if err == nil && got == n {
					mu.Lock()
					returned[strconv.FormatInt(n, 10)] = true
					mu.Unlock()
				} else if err == nil || !expected(err) {
					t.Errorf("%d: %d, %+v", n, got, err)
				}
			}
		})
	}
	wg.Go(func() {
		for time.Now().Before(until) {
			time.Sleep(time.Duration(rand.N(int(30 * time.Millisecond))))
			_ = syscall.Kill(rt.Info().Pid, syscall.SIGKILL)
			_ = syscall.Kill(p.Info().Pid, syscall.SIGKILL)
		}
	})
	wg.Wait()
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	made := map[string]int{}
	for _, n := range strings.Fields(string(text)) {
		made[n]++
		require.Equal(t, 1, made[n], "call %s", n)
	}
	for n := range returned {
		require.Equal(t, 1, made[n], "call %s", n)
	}
	t.Logf("%d calls, %d made, %d returned", last.Load(), len(made), len(returned))
}

// The worker that dies in the middle of a long value leaves no part of it behind.
func TestKillDuringLongValues(t *testing.T) {
	rt := start(t, process.Config{Setup: "def same(x): return x"})
	data := make([]byte, 32<<20)
	for i := range 10 {
		pid := rt.Info().Pid
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		})
		var got []byte
		err := rt.Call(bg, "same", &got, data)
		var exit *process.ExitError
		if err == nil {
			require.Len(t, got, len(data))
		} else {
			require.ErrorAs(t, err, &exit)
		}
		wg.Wait()
		require.NoError(t, rt.Call(bg, "same", &got, data))
		require.Len(t, got, len(data))
	}
}

func TestLogger(t *testing.T) {
	var log bytes.Buffer
	rt, err := process.Start(bg, process.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.Error(t, rt.Call(bg, "os._exit", nil, 3))
	require.NoError(t, rt.Call(bg, "len", nil, "x"))
	require.NoError(t, rt.Close())
	require.Contains(t, log.String(), "worker started")
	require.Contains(t, log.String(), "exited with 3")
}
