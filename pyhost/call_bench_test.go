package pyhost_test

import (
	"context"
	"testing"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkCall: a call of add(a, b) beside the same in C, which attaches, makes the two ints,
// calls, reads the result and detaches, plus one empty crossing. "add" passes numbers that the Go
// compiler has boxed already; "boxed" numbers that change, which cost the caller an allocation
// each.
func BenchmarkCall(b *testing.B) {
	if err := rt.Exec(bg, "def add(a, b): return a + b"); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(bg)
	defer stop()
	var sum int
	add := func(ctx context.Context) func(i int) error {
		return func(int) error { return rt.Call(ctx, "add", &sum, 1200, 1300) }
	}
	boxed := func(i int) error { return rt.Call(bg, "add", &sum, 1000+i, 2000+i) }
	gcd, err := pyhost.Func[func(a, b int) (int, error)](rt, "add")
	if err != nil {
		b.Fatal(err)
	}
	fn := func(i int) error { _, err := gcd(1000+i, 2000+i); return err }
	b.Run("add", func(b *testing.B) { compare(b, add(bg), nil) })
	b.Run("boxed", func(b *testing.B) { compare(b, boxed, nil) })
	b.Run("Func", func(b *testing.B) { compare(b, fn, nil) })
	b.Run("cancellable", func(b *testing.B) { compare(b, add(ctx), add(bg)) })
}

const callsARound = 100_000

// compare prints the medians of rounds that take turns: the call, C with a crossing, and the same
// call without a context that ends, where it is to be compared with.
func compare(b *testing.B, call, plain func(i int) error) {
	b.ReportAllocs()
	inC := func(each bool) time.Duration {
		return time.Duration(pyhost.Interp(rt).BenchCall("add", 1200, 1300, callsARound, each))
	}
	var took, c, attached, crossing, other []time.Duration
	for b.Loop() {
		took = append(took, timed(b, call))
		c = append(c, inC(true))
		attached = append(attached, inC(false))
		crossing = append(crossing, timed(b, func(int) error { cgo.Empty(); return nil }))
		if plain != nil {
			other = append(other, timed(b, plain))
		}
	}
	each := func(d []time.Duration) float64 { return float64(median(d)) / callsARound }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(each(took), "ns/call")
	b.ReportMetric(each(c), "C-ns")
	b.ReportMetric(each(attached), "C-attached-ns")
	b.ReportMetric(each(crossing), "crossing-ns")
	b.ReportMetric(each(took)/(each(c)+each(crossing)), "call/(C+crossing)")
	b.ReportMetric(testing.AllocsPerRun(1000, func() { _ = call(1) }), "allocs/call")
	if plain != nil {
		b.ReportMetric(each(took)-each(other), "extra-ns")
	}
}

func timed(b *testing.B, fn func(i int) error) time.Duration {
	start := time.Now()
	for i := range callsARound {
		if err := fn(i); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}
