package pyhost_test

import (
	"testing"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkAccess compares access inside Do with what it is meant to cost at most: one empty
// crossing and 1.5 times what C takes for the same, giving the object back included.
func BenchmarkAccess(b *testing.B) {
	accesses := []struct {
		name, object string
		get          func(o *pyhost.Object) (*pyhost.Object, error)
	}{
		{"attr", "type('C', (), {})(); bench_object.field = 1",
			func(o *pyhost.Object) (*pyhost.Object, error) { return o.Attr("field") }},
		{"index", "list(range(10))",
			func(o *pyhost.Object) (*pyhost.Object, error) { return o.Item(7) }},
		{"key", "{'field': 1}",
			func(o *pyhost.Object) (*pyhost.Object, error) { return o.Item("field") }},
	}
	for what, a := range accesses {
		mustExec(b, "bench_object = "+a.object)
		b.Run(a.name, func(b *testing.B) { compareAccess(b, what, a.get) })
	}
}

func compareAccess(b *testing.B, what int, get func(*pyhost.Object) (*pyhost.Object, error)) {
	var took, c, crossing []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		took = append(took, accessed(b, get))
		c = append(c, time.Duration(pyhost.Interp(rt).BenchAccess(what, callsARound)))
		crossing = append(crossing, timed(b, func(int) error { cgo.Empty(); return nil }))
	}
	each := func(d []time.Duration) float64 { return float64(median(d)) / callsARound }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(each(took), "ns/access")
	b.ReportMetric(each(c), "C-ns")
	b.ReportMetric(each(crossing), "crossing-ns")
	b.ReportMetric(each(took)/(each(crossing)+1.5*each(c)), "access/(crossing+1.5C)")
}

// accessed times accesses in scopes of a hundred, as a loop over rows would make them.
func accessed(b *testing.B, get func(*pyhost.Object) (*pyhost.Object, error)) (took time.Duration) {
	err := rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Lookup("bench_object")
		if err != nil {
			return err
		}
		start := time.Now()
		for range callsARound / 100 {
			err := th.Scope(func() error {
				for range 100 {
					if _, err := get(o); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		took = time.Since(start)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return took
}
