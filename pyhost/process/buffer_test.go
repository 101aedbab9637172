//go:build linux

package process_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
	"github.com/pyhost/pyhost/pyhost/shm"
)

const buffers = apply + `
import threading
kept = []
def about(b):
    m = memoryview(b)
    return [m.format, list(m.shape), m.readonly]
def put(b, i, v): memoryview(b)[i] = v
def keep(b): kept.append(b)
def drop(apart):
    if apart:
        t = threading.Thread(target=kept.clear)
        t.start(); t.join()
    else: kept.clear()
def of_function(f): return memoryview(f()["b"][0])[1]
`

func segment(t testing.TB, size int) *shm.Segment {
	t.Helper()
	s, err := shm.Create("", size)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = s.Close()
		_ = s.Unlink()
	})
	return s
}

func shared[T pyhost.Item](t testing.TB, s *shm.Segment, offset int, shape ...int) *pyhost.Buffer {
	t.Helper()
	b, err := pyhost.SharedBuffer[T](s, offset, shape...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// mappings of a segment that the worker has.
func mappings(t testing.TB, rt *process.Runtime, s *shm.Segment) int {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", rt.Info().Pid))
	require.NoError(t, err)
	return strings.Count(string(maps), "/dev/shm/"+s.Name())
}

// One memory, that of the segment: what one side writes the other sees.
func TestSharedBuffer(t *testing.T) {
	rt := start(t, process.Config{Setup: buffers})
	s := segment(t, 1<<20)
	x, err := shm.Slice[int64](s, 64, 6)
	require.NoError(t, err)
	x[1] = 41
	b := shared[int64](t, s, 64, 6)
	require.NoError(t, rt.Call(bg, "put", nil, b, 5, 7))
	require.Equal(t, int64(7), x[5])
	n, err := pyhost.Call[int](bg, rt, "of_function", func() map[string]any {
		return map[string]any{"b": []any{b}}
	})
	require.NoError(t, err)
	require.Equal(t, 41, n)

	about := func(b *pyhost.Buffer) []any {
		got, err := pyhost.Call[[]any](bg, rt, "about", b)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, []any{"l", []any{int64(6)}, false}, about(b))
	require.Equal(t, []any{"d", []any{int64(2), int64(3)}, false},
		about(shared[float64](t, s, 8, 2, 3)))
	require.Equal(t, []any{"Zf", []any{int64(0)}, false}, about(shared[complex64](t, s, 8, 0)))
	require.Equal(t, []any{"?", []any{}, false}, about(shared[bool](t, s, 3, []int{}...)))
	r, err := shm.OpenReadOnly(s.Name(), 0)
	require.NoError(t, err)
	defer r.Close()
	fixed := shared[int64](t, r, 64, 6)
	require.Equal(t, []any{"l", []any{int64(6)}, true}, about(fixed))
	require.ErrorIs(t, rt.Call(bg, "put", nil, fixed, 5, 8), pyhost.TypeError)
	require.Equal(t, int64(7), x[5])
}

// The worker has the segment mapped as long as Python has the buffer, whoever closes or unlinks it;
// its end takes nothing away from others.
func TestSharedBufferIsKept(t *testing.T) {
	rt := start(t, process.Config{Setup: buffers})
	for _, apart := range []bool{false, true} {
		s := segment(t, 1<<20)
		b := shared[byte](t, s, 0, 1<<20)
		require.NoError(t, rt.Call(bg, "keep", nil, []any{b, b}))
		require.Equal(t, 2, mappings(t, rt, s))
		s.Bytes()[1] = 9
		require.NoError(t, b.Close())
		_ = s.Close() // now, or when the Buffer has let go
		require.NoError(t, s.Unlink())
		v, err := pyhost.Eval[int](bg, rt, "memoryview(kept[-1][0])[1]")
		require.NoError(t, err)
		require.Equal(t, 9, v)
		require.NoError(t, rt.Call(bg, "drop", nil, apart))
		require.Eventually(t, func() bool { return mappings(t, rt, s) == 0 }, 10*time.Second,
			time.Millisecond)
	}
	s := segment(t, 100)
	require.NoError(t, rt.Call(bg, "keep", nil, shared[byte](t, s, 0, 100)))
	kill(t, rt)
	require.NoError(t, rt.Call(bg, "put", nil, shared[byte](t, s, 0, 100), 99, 1))
	require.NoError(t, rt.Close())
	again, err := shm.Open(s.Name(), 100)
	require.NoError(t, err)
	require.Equal(t, byte(1), again.Bytes()[99])
	require.NoError(t, again.Close())
}

// What cannot be shared is an error, and the worker goes on.
func TestBufferThatCannotCross(t *testing.T) {
	rt := start(t, process.Config{Setup: buffers})
	pid := rt.Info().Pid
	own, err := pyhost.NewBuffer([]int{1, 2})
	require.NoError(t, err)
	require.ErrorContains(t, rt.Call(bg, "keep", nil, own), "take pyhost.SharedBuffer")
	err = rt.Call(bg, "of_function", nil, func() any { return own })
	require.ErrorContains(t, err, "take pyhost.SharedBuffer")

	s := segment(t, 100)
	b := shared[byte](t, s, 0, 100)
	require.NoError(t, s.Unlink())
	require.ErrorContains(t, rt.Call(bg, "keep", nil, b), "no such file")
	err = rt.Call(bg, "keep", nil, []any{b, func() {}, shared[byte](t, segment(t, 9), 0, 9)})
	require.ErrorContains(t, err, "no such file")
	err = rt.Call(bg, "of_function", nil, func() any { return []any{strings.Repeat("x", 1e6), b} })
	require.ErrorIs(t, err, pyhost.RuntimeError)
	require.ErrorContains(t, err, "no such file")
	require.NoError(t, b.Close())
	require.ErrorContains(t, rt.Call(bg, "keep", nil, b), "closed")
	require.NoError(t, rt.Exec(bg, "assert not kept"))
	require.Eventually(t, func() bool { // what came with it is forgotten
		funcs, _ := rt.Known()
		return funcs == 0
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, pid, rt.Info().Pid)
}
