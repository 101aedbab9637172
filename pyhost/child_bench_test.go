package pyhost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkChild: a new sub-interpreter, ready for calls, beside one that C alone makes.
func BenchmarkChild(b *testing.B) {
	opt := cgo.Sub{AllowThreads: true, CheckExtensions: true, OwnGIL: cgo.OwnGIL(),
		MainAllocator: !cgo.OwnGIL()}
	var ours, inC []time.Duration
	for b.Loop() {
		for range 20 {
			start := time.Now()
			child, err := rt.NewChild(bg, pyhost.ChildConfig{Options: opt})
			require.NoError(b, err)
			ours = append(ours, time.Since(start))
			require.NoError(b, child.Close())
			inC = append(inC, time.Duration(pyhost.Interp(rt).BenchSub(&opt)))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(ours))/1e6, "new-ms")
	b.ReportMetric(float64(median(inC))/1e6, "C-ms")
	b.ReportMetric(float64(median(ours))/float64(median(inC)), "new/C")
}
