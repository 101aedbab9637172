package pyhost_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestMapInChunks(t *testing.T) {
	mustExec(t, `
calls = []
def square(n): calls.append(n); return n * n
def odd_only(n):
  if n % 2 == 0: raise ValueError(n)
  return n
def stop(n): raise SystemExit(n)
def kw(n=0, m=0): return n + m
`)
	collect := func(ctx context.Context, name string, n int, o pyhost.MapOptions) (
		out []int, errs []error) {
		for got, err := range pyhost.Map[int](ctx, rt, name, slices.Values(upTo(n)), o) {
			out, errs = append(out, got), append(errs, err)
		}
		return out, errs
	}
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		got, errs := collect(bg, "square", n, pyhost.MapOptions{Chunk: 100})
		require.Len(t, got, n)
		for i := range n {
			require.NoError(t, errs[i])
			require.Equal(t, i*i, got[i])
		}
	}

	got, errs := collect(bg, "odd_only", 10, pyhost.MapOptions{Chunk: 4, AllErrors: true})
	require.Equal(t, []int{0, 1, 0, 3, 0, 5, 0, 7, 0, 9}, got)
	for i, err := range errs {
		if i%2 == 1 {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, pyhost.ValueError)
		var pe *pyhost.PythonError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, []any{int64(i)}, pe.Args)
		require.Equal(t, "odd_only", pe.Frames[len(pe.Frames)-1].Function)
		require.Len(t, pe.Frames, 1)
	}
	got, errs = collect(bg, "odd_only", 10, pyhost.MapOptions{Chunk: 4})
	require.Len(t, got, 1)
	require.ErrorIs(t, errs[0], pyhost.ValueError)
	_, errs = collect(bg, "stop", 3, pyhost.MapOptions{Chunk: 4})
	require.ErrorIs(t, errs[0], pyhost.SystemExit)
	_, errs = collect(bg, "no_such_function", 9, pyhost.MapOptions{Chunk: 4})
	require.Len(t, errs, 1)
	require.ErrorIs(t, errs[0], pyhost.NameError)
	_, errs = collect(bg, "str", 9, pyhost.MapOptions{Chunk: 4, AllErrors: true})
	require.Len(t, errs, 9) // a text is no int
	require.ErrorContains(t, errs[8], "str into int")

	var sums []int
	args := slices.Values([]pyhost.Kw{{"n": 1, "m": 2}, {"m": 5}, {}})
	for sum, err := range pyhost.Map[int](bg, rt, "kw", args, pyhost.MapOptions{Chunk: 2}) {
		require.NoError(t, err)
		sums = append(sums, sum)
	}
	require.Equal(t, []int{3, 5, 0}, sums)
}

func TestMapInChunksIsCancelled(t *testing.T) {
	mustExec(t, "def spin(began):\n  began()\n  while True: pass")
	ctx, stop := context.WithCancel(bg)
	n := 0
	args := slices.Values([]func(){stop, stop, stop})
	for _, err := range pyhost.Map[int](ctx, rt, "spin", args, pyhost.MapOptions{Chunk: 3}) {
		require.ErrorIs(t, err, context.Canceled)
		n++
	}
	require.Equal(t, 1, n)
	mustExec(t, "pass")
}
