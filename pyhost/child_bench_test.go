package pyhost_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkChild: a new sub-interpreter, ready for calls, beside one that C alone makes: the time
// for one, and the memory of each of twenty.
func BenchmarkChild(b *testing.B) {
	opt := cgo.Sub{AllowThreads: true, CheckExtensions: true, OwnGIL: cgo.OwnGIL(),
		MainAllocator: !cgo.OwnGIL()}
	var ours, inC []time.Duration
	create := func() *pyhost.Runtime {
		start := time.Now()
		child, err := rt.NewChild(bg, pyhost.ChildConfig{Options: opt})
		require.NoError(b, err)
		ours = append(ours, time.Since(start))
		return child
	}
	for b.Loop() {
		for range 20 {
			require.NoError(b, create().Close())
			ns, _ := pyhost.Interp(rt).BenchSub(&opt, 1)
			inC = append(inC, time.Duration(ns))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(ours))/1e6, "new-ms")
	b.ReportMetric(float64(median(inC))/1e6, "C-ms")
	b.ReportMetric(float64(median(ours))/float64(median(inC)), "new/C")

	const n = 20
	children := make([]*pyhost.Runtime, n)
	before := resident(b)
	for i := range children {
		children[i] = create()
	}
	each := float64(resident(b)-before) / n
	for _, child := range children {
		require.NoError(b, child.Close())
	}
	_, inCEach := pyhost.Interp(rt).BenchSub(&opt, n)
	b.ReportMetric(each/1e6, "MB-each")
	b.ReportMetric(float64(inCEach)/1e6, "C-MB-each")
	b.ReportMetric(each/float64(inCEach), "MB/C-MB")
}
