package pyhost_test

import (
	"context"
	"testing"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkCallback: Python calls a Go function, beside C that converts the same arguments and
// result and calls Go with no ado; and beside the same when it lets the GIL go meanwhile.
func BenchmarkCallback(b *testing.B) {
	add := func(a, c int) int { return a + c }
	for name, fn := range map[string]any{
		"ints":    add,
		"any":     func(a, c any) any { return a },
		"context": func(_ context.Context, a, c int) int { return a + c },
		"thread":  func(_ *pyhost.Thread, a, c int) int { return a + c },
	} {
		b.Run(name, func(b *testing.B) {
			p, err := pyhost.NewFunction(rt, fn)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Release()
			b.ReportAllocs()
			in := pyhost.Interp(rt)
			var took, c, detached []time.Duration
			for b.Loop() {
				took = append(took, time.Duration(in.BenchCallback(p, false, callsARound)))
				c = append(c, time.Duration(in.BenchCallback(0, false, callsARound)))
				detached = append(detached, time.Duration(in.BenchCallback(0, true, callsARound)))
			}
			each := func(d []time.Duration) float64 { return float64(median(d)) / callsARound }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(each(took), "ns/call")
			b.ReportMetric(each(c), "C-ns")
			b.ReportMetric(each(took)/each(c), "call/C")
			b.ReportMetric(each(took)/each(detached), "call/C-detached")
		})
	}
}
