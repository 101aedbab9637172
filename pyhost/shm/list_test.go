//go:build linux

package shm_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

func mustList(t testing.TB, items ...any) *shm.List {
	t.Helper()
	l, err := shm.CreateList("", items...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = l.Close()
		_ = l.Unlink()
	})
	return l
}

func TestList(t *testing.T) {
	type name string
	type raw []byte
	l := mustList(t, int8(-3), uint64(7), float32(0.5), name("ann"), raw("raw"), nil, true)
	require.Equal(t, 7, l.Len())
	items, err := l.Items()
	require.NoError(t, err)
	require.Equal(t, []any{int64(-3), int64(7), 0.5, "ann", []byte("raw"), nil, true}, items)

	other, err := shm.OpenList(l.Name())
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, other.Set(3, "12345678"), "all of the room")
	require.NoError(t, other.Set(0, []byte("87654321")))
	require.NoError(t, other.Set(0, ""))
	for i, want := range map[int]any{3: "12345678", 0: ""} {
		got, err := l.Get(i)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := l.Get(4)
	require.NoError(t, err)
	got.([]byte)[0] = 'x'
	got, err = other.Get(4)
	require.NoError(t, err)
	require.Equal(t, []byte("raw"), got, "a copy")
}

func TestListRefuses(t *testing.T) {
	for want, v := range map[string]any{
		"more than 64 bits":           uint64(math.MaxInt64) + 1,
		"no UTF-8":                    "\xff",
		"ends in a NUL":               []byte{1, 0},
		"a []int":                     []int{1},
		"a complex128":                1i,
		"a *int":                      new(int),
		"10000000 bytes are more":     strings.Repeat("x", 10_000_000),
		"9999992 bytes are more than": make([]byte, 9_999_992),
	} {
		_, err := shm.CreateList("", 0, v)
		require.ErrorIs(t, err, shm.ErrItem)
		require.ErrorContains(t, err, "item 1: ")
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, mustList(t, 0).Set(0, v), want)
	}
	_, err := shm.CreateList("a/b", 1)
	require.ErrorIs(t, err, shm.ErrName)

	l := mustList(t, "1234567")
	err = l.Set(0, "123456789")
	require.ErrorIs(t, err, shm.ErrItem)
	require.EqualError(t, err, fmt.Sprintf(
		"shm: list %q: item 0: bad item: 9 bytes where there are 8", l.Name()))
	for _, i := range []int{-1, 1} {
		_, err := l.Get(i)
		require.ErrorIs(t, err, shm.ErrItem)
		require.ErrorIs(t, l.Set(i, 1), shm.ErrItem)
	}
	require.NoError(t, l.Close())
	_, err = l.Get(0)
	require.ErrorIs(t, err, shm.ErrClosed)
	require.ErrorIs(t, l.Set(0, 1), shm.ErrClosed)
	require.ErrorIs(t, l.Close(), shm.ErrClosed)
}

// The longest string there can be, to its end.
func TestListLongest(t *testing.T) {
	long := strings.Repeat("x", 9_999_991)
	l := mustList(t, 0, long, 1)
	items, err := l.Items()
	require.NoError(t, err)
	require.Equal(t, []any{int64(0), long, int64(1)}, items)
}

func TestListConcurrentClose(t *testing.T) {
	l := mustList(t, 1, "two")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var err error
			for i := 0; err == nil; i++ {
				_, err = l.Get(0)
				if err == nil && i%4 == 0 {
					_, err = l.Items()
				}
			}
			require.ErrorIs(t, err, shm.ErrClosed)
		})
	}
	require.NoError(t, l.Close())
	wg.Wait()
}

func TestOpenListRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"short":    {0, 0, 0},
		"negative": words(-1, 0, 0, 0),
		"many":     words(1000, 0, 0, 0),
		"max":      words(math.MaxInt64, 0, 0, 0),
		"beyond":   words(1, 0, 8, 0, 0),
		"backward": append(words(1, 8, 0, 0, 0), 0),
		"huge":     append(words(1, 0, math.MaxInt64, 0, 0), 0),
		"below":    append(words(1, -8, 0, 0, 0), 0),
	} {
		s := mustCreate(t, len(data))
		copy(s.Bytes(), data)
		_, err := shm.OpenList(s.Name())
		require.ErrorIs(t, err, shm.ErrNotList, name)
	}
}

func words(numbers ...int64) (data []byte) {
	for _, n := range numbers {
		data = binary.NativeEndian.AppendUint64(data, uint64(n))
	}
	return data
}
