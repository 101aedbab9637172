package pyhost_test

import (
	"context"
	"testing"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func BenchmarkCall(b *testing.B) {
	if err := rt.Exec(bg, "def add(a, b): return a + b"); err != nil {
		b.Fatal(err)
	}
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		var sum int
		for b.Loop() {
			if err := rt.Call(bg, "add", &sum, 1200, 1300); err != nil {
				b.Fatal(err)
			}
		}
		took := float64(b.Elapsed()) / float64(b.N)
		in := pyhost.Interp(rt)
		c := float64(in.BenchCall("add", 1200, 1300, 1_000_000, true)) / 1e6
		c1 := float64(in.BenchCall("add", 1200, 1300, 1_000_000, false)) / 1e6
		start := time.Now()
		for range 1_000_000 {
			cgo.Empty()
		}
		crossing := float64(time.Since(start)) / 1e6
		b.ReportMetric(took/(c+crossing), "ratio")
		b.ReportMetric(c, "C-ns")
		b.ReportMetric(c1, "C-attached-ns")
		b.ReportMetric(crossing, "crossing-ns")
	})
	b.Run("cancellable", func(b *testing.B) {
		b.ReportAllocs()
		ctx, stop := context.WithCancel(bg)
		defer stop()
		var sum int
		for b.Loop() {
			if err := rt.Call(ctx, "add", &sum, 1200, 1300); err != nil {
				b.Fatal(err)
			}
		}
	})
}
