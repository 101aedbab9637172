package subinterp_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestMap(t *testing.T) {
	pools(t, config(2), func(t *testing.T, p *subinterp.Pool) {
		i := 0
		for got, err := range pyhost.Map[int](bg, p, "square", slices.Values(numbers(300))) {
			require.NoError(t, err)
			require.Equal(t, i*i, got)
			i++
		}
		require.Equal(t, 300, i)

		var errs []error
		for _, err := range pyhost.Map[int](bg, p, "fail", slices.Values(numbers(10))) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 6)
		require.ErrorIs(t, errs[5], pyhost.ValueError)
		errs = nil
		for _, err := range pyhost.Map[int](bg, p, "fail", slices.Values(numbers(10)),
			pyhost.MapOptions{AllErrors: true, Ahead: 1}) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 10)

		var begun atomic.Int32
		args := func(yield func(int) bool) {
			for yield(int(begun.Add(1))) {
			}
		}
		for n, err := range pyhost.Map[int](bg, p, "square", args, pyhost.MapOptions{Ahead: 4}) {
			require.NoError(t, err)
			if n == 9 {
				break
			}
		}
		require.LessOrEqual(t, begun.Load(), int32(12))
	})
}

// A Map that ends with its context does not pass for one that is complete.
func TestMapIsCancelled(t *testing.T) {
	pools(t, config(1), func(t *testing.T, p *subinterp.Pool) {
		for range 50 {
			ctx, stop := context.WithCancel(bg)
			got := make(chan bool)
			args := func(yield func(int) bool) {
				if yield(1) {
					<-got
					stop()
					yield(2)
				}
			}
			var errs []error
			for _, err := range pyhost.Map[int](ctx, p, "square", args) {
				if errs = append(errs, err); err == nil {
					got <- true
				}
			}
			require.Len(t, errs, 2)
			require.NoError(t, errs[0])
			require.ErrorIs(t, errs[1], context.Canceled)
		}
	})
}
