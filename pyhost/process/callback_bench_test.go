//go:build linux

package process_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

// BenchmarkCallback: a Go function called in a loop by Python in a worker, beside an empty
// ping-pong of two Go processes; and what a call of nothing costs while it knows a function.
func BenchmarkCallback(b *testing.B) {
	rt := start(b, process.Config{Setup: nothing + `
def loop(f, n):
    for _ in range(n): f(1)
def apply(f): f()
`})
	rounds := ping(b)
	const n = 500
	var back, with, pass []float64
	ratio := func(list *[]float64, empty time.Duration, fn func() error) {
		*list = append(*list, float64(timed(b, fn))/float64(empty))
	}
	calls := func() error {
		for range n {
			if err := rt.Call(bg, "nothing", nil); err != nil {
				return err
			}
		}
		return nil
	}
	var without []float64
	fn := func(int) {}
	for b.Loop() {
		empty := timed(b, func() error { return rounds(n) })
		ratio(&back, empty, func() error { return rt.Call(bg, "loop", nil, fn, n) })
		ratio(&pass, empty, func() error {
			for range n {
				if err := rt.Call(bg, "apply", nil, func() {}); err != nil {
					return err
				}
			}
			return nil
		})
		ratio(&without, empty, calls)
	}
	require.NoError(b, rt.Module(bg, "host", pyhost.Members{"fn": fn}))
	for range 20 {
		ratio(&with, timed(b, func() error { return rounds(n) }), calls)
	}
	for unit, list := range map[string][]float64{"callback/pingpong": back,
		"call-with-func/pingpong": pass, "call/pingpong": without,
		"call-beside-module/pingpong": with} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], unit)
	}
	b.ReportMetric(0, "ns/op")
}
