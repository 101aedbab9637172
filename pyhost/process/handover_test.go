//go:build linux

package process_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
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

// memfds are the mappings and descriptors of shared memory that this process has.
func memfds(t testing.TB) (n int) {
	runtime.GC() // mappings that were in use when a worker ended are left to it
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	n = strings.Count(string(maps), "/memfd:pyhost segment")
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, fd := range fds {
		if link, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(link, "segment") {
			n++
		}
	}
	return n
}

func noMemfds(t testing.TB) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); memfds(t) > 0; {
		require.True(t, time.Now().Before(until), "%d segments are left", memfds(t))
	}
}

// stop keeps a worker from doing anything more, but being killed.
func stop(t testing.TB, rt *process.Runtime) (pid int) {
	t.Helper()
	pid = rt.Info().Pid
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := strings.Cut(string(b), ") ")
		return err == nil && strings.HasPrefix(after, "T")
	}, 10*time.Second, time.Millisecond)
	return pid
}

func pattern(i, size int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, size) }

// kill -9 of a worker to which a buffer was sent, and that has not taken it: the call is made by
// the next one, once.
func TestKillBeforeABufferIsTaken(t *testing.T) {
	rt := start(t, process.Config{Setup: "def same(x): return x"})
	for i := range 10 {
		pid := stop(t, rt)
		data := pattern(i, 4<<20)
		got := make(chan []byte)
		go func() {
			b, err := pyhost.Call[[]byte](bg, rt, "same", data)
			if err != nil {
				t.Error(err)
			}
			got <- b
		}()
		require.Eventually(t, func() bool { return rt.Stats().Pending == 1 }, 10*time.Second,
			time.Millisecond)
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.True(t, bytes.Equal(data, <-got))
	}
	require.NoError(t, rt.Close())
	noMemfds(t)
}

// kill -9 of a worker while a Go function that it calls has the arguments in hand, which lie in
// shared memory, or hands its result over there: what it has stays, the call is lost and not made
// again, and the next one works.
func TestKillWhileACallbackHasItsSegment(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard, Setup: `
def apply(f, i, n):
    got = f(i, bytes([i + 1]) * n)
    assert got == bytes([i + 1]) * n
    return len(got)
`})
	const size = 4 << 20
	calls := 0
	var refs []*pyhost.Ref // those of dead workers keep no memory
	for i := range 12 {
		ref, err := pyhost.Call[*pyhost.Ref](bg, rt, "object")
		require.NoError(t, err)
		refs = append(refs, ref)
		pid := rt.Info().Pid
		returned := make(chan bool, 1)
		var killed sync.WaitGroup
		killed.Go(func() { // in the middle of the answer, if not before
			<-returned
			for range i * 20 {
				runtime.Gosched()
			}
			_ = syscall.Kill(pid, syscall.SIGKILL)
		})
		n, err := pyhost.Call[int](bg, rt, "apply", func(i int, b []byte) []byte {
			calls++
			defer close(returned)
			switch i % 3 {
			case 0:
				_ = syscall.Kill(pid, syscall.SIGKILL)
			case 1:
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
			if !bytes.Equal(b, pattern(i, size)) {
				t.Error("other arguments")
			}
			return b
		}, i, size)
		killed.Wait()
		var exit *process.ExitError
		if err != nil {
			require.ErrorAs(t, err, &exit)
		} else {
			require.Equal(t, size, n)
		}
		require.Equal(t, i+1, calls)
	}
	require.NoError(t, rt.Close())
	noMemfds(t)
	runtime.KeepAlive(refs)
}

// Buffers of all lengths go both ways, in calls and in callbacks of theirs, while workers are
// killed at any moment: what arrives is whole, each function runs once, and no memory is left.
func TestStressKillDuringHandOver(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard, Setup: `
def apply(f, b):
    return f(b) + f(b[:len(b) // 2])
`})
	until := time.Now().Add(stressTime())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := 0; time.Now().Before(until) && !t.Failed(); n++ {
				data := pattern(i, 1<<(14+n%9))
				var made atomic.Int64
				got, err := pyhost.Call[[]byte](bg, rt, "apply", func(b []byte) []byte {
					made.Add(1)
					if !bytes.Equal(b, data[:len(b)]) {
						t.Error("other arguments")
					}
					return b
				}, data)
				if made.Load() > 2 {
					t.Error("it was made again")
				}
				if err == nil && !bytes.Equal(got, pattern(i, len(data)*3/2)) {
					t.Error("another result")
				} else if !expected(err) {
					t.Errorf("%+v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for n := 0; time.Now().Before(until); n++ {
			before := rt.Stats().Restarts
			for range 1 + n*7%400 {
				runtime.Gosched()
			}
			_ = syscall.Kill(rt.Info().Pid, syscall.SIGKILL)
			for rt.Stats().Restarts == before && time.Now().Before(until) {
				runtime.Gosched()
			}
		}
	})
	wg.Wait()
	require.NoError(t, rt.Close())
	noMemfds(t)
}
