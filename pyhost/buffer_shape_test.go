package pyhost_test

import (
	"math"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestBufferShape(t *testing.T) {
	six := []int32{1, 2, 3, 4, 5, 6}
	mustExec(t, "def shape(b):\n"+
		"  with memoryview(b) as m: return str((m.shape, m.strides, m.nbytes))\n"+
		"def nested(b):\n  with memoryview(b) as m: return str(m.tolist())")
	for _, c := range []struct {
		data  []int32
		shape []int
		want  string
	}{
		{six, nil, "((6,), (4,), 24)"},
		{six, []int{6}, "((6,), (4,), 24)"},
		{six, []int{2, 3}, "((2, 3), (12, 4), 24)"},
		{six, []int{1, 3, 1, 2}, "((1, 3, 1, 2), (24, 8, 8, 4), 24)"},
		{six[:1], []int{}, "((), (), 4)"},
		{nil, nil, "((0,), (4,), 0)"},
		{six[:0], nil, "((0,), (4,), 0)"},
		{nil, []int{3, 0, 2}, "((3, 0, 2), (0, 8, 4), 0)"},
	} {
		b, err := pyhost.NewBuffer(c.data, c.shape...)
		require.NoError(t, err, c.shape)
		got, err := pyhost.Call[string](bg, rt, "shape", b)
		require.NoError(t, err, c.shape)
		require.Equal(t, c.want, got)
		require.NoError(t, b.Close())
	}
	got, err := pyhost.Call[string](bg, rt, "nested", mustBuffer(t, six, 2, 3))
	require.NoError(t, err)
	require.Equal(t, "[[1, 2, 3], [4, 5, 6]]", got)

	for _, c := range []struct {
		shape []int
		want  string
	}{
		{[]int{5}, "shape [5] is of 5 items, not of 6"},
		{[]int{2, 4}, "shape [2 4] is of 8 items, not of 6"},
		{[]int{}, "shape [] is of 1 items, not of 6"},
		{[]int{0}, "shape [0] is of 0 items, not of 6"},
		{[]int{-1, -6}, "negative length in shape [-1 -6]"},
		{[]int{math.MaxInt}, "overflows"},
		{[]int{math.MaxInt, math.MaxInt, 2}, "overflows"},
		{[]int{1 << 32, 1 << 32, 6}, "overflows"}, // 6 modulo 2^64
		{[]int{0, 1 << 62}, "overflows"},
		{slices.Repeat([]int{1}, 65), "65 dimensions are more than 64"},
	} {
		_, err := pyhost.NewBuffer(six, c.shape...)
		require.ErrorContains(t, err, c.want)
	}
}

// What one side writes the other sees: there is one memory.
func TestBufferSameMemory(t *testing.T) {
	mustExec(t, sameFunc+"import ctypes\n"+
		"def address(b): return ctypes.addressof(ctypes.c_char.from_buffer(b))\n"+
		"def double(b):\n  with memoryview(b) as m:\n    for i in range(len(m)): m[i] *= 2")
	data := []int64{1, 2, 3}
	b := mustWritable(t, data)
	address, err := pyhost.Call[uint64](bg, rt, "address", b)
	require.NoError(t, err)
	require.Equal(t, uint64(uintptr(unsafe.Pointer(&data[0]))), address)
	require.NoError(t, rt.Call(bg, "double", nil, b))
	require.Equal(t, []int64{2, 4, 6}, data)
	view := viewIn(t, rt, b)
	data[2] = -1
	got, err := pyhost.Call[[]int64](bg, rt, "same", view)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 4, -1}, got)
	letGo(t, view)
	require.NoError(t, b.Close())
}

func TestBufferReadOnly(t *testing.T) {
	data := []byte("unchanged")
	b := mustBuffer(t, data)
	mustExec(t, "def first(b): memoryview(b)[0] = 0\n"+
		"def readinto(b):\n  import io; io.BytesIO(b'xxxx').readinto(b)")
	require.ErrorIs(t, rt.Call(bg, "first", nil, b), pyhost.TypeError)
	require.ErrorIs(t, rt.Call(bg, "readinto", nil, b), pyhost.TypeError)
	err := rt.Call(bg, "ctypes.c_char.from_buffer", nil, b)
	require.Error(t, err, "ctypes writes")
	require.Equal(t, "unchanged", string(data))
	w := mustWritable(t, data)
	require.NoError(t, rt.Call(bg, "readinto", nil, w))
	require.Equal(t, "xxxxanged", string(data))
}

// Memory that is not a plain heap slice of numbers.
func TestBufferOddMemory(t *testing.T) {
	type mixed struct {
		p    *int
		nums [4]int64
		s    string
	}
	m := &mixed{new(int), [4]int64{1, 2, 3, 4}, "beside pointers"}
	mustExec(t, "def total(b):\n  with memoryview(b) as m: return sum(m)")
	total := func(b *pyhost.Buffer) int {
		n, err := pyhost.Call[int](bg, rt, "total", b)
		require.NoError(t, err)
		require.NoError(t, b.Close())
		return n
	}
	require.Equal(t, 9, total(mustBuffer(t, m.nums[1:])))
	runtime.KeepAlive(m)
	mapped, err := syscall.Mmap(-1, 0, 1<<16, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	mapped[77] = 7
	require.Equal(t, 7, total(mustBuffer(t, mapped)))
	require.NoError(t, syscall.Munmap(mapped))
	local := [3]byte{1, 2, 3}
	require.Equal(t, 6, total(mustBuffer(t, local[:])))
	require.Equal(t, 600, total(mustBuffer(t, static[:])))
	// Two over the same memory.
	data := []byte{5}
	a, b := mustBuffer(t, data), mustWritable(t, data)
	require.Equal(t, 5, total(a))
	require.Equal(t, 5, total(b))
}

var static = [3]int32{100, 200, 300}
