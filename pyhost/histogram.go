package pyhost

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets of powers of two: Counts[i] of those below 2^i ns and not
// below 2^(i-1).
type Histogram struct {
	Counts [48]uint64
	Total  uint64
	Sum    time.Duration
	Max    time.Duration
}

// Mean is the average, 0 if there are none.
func (h *Histogram) Mean() time.Duration {
	if h.Total == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Total)
}

// Quantile is an upper bound of the q-quantile, 0 ≤ q ≤ 1: within a factor of two of it.
func (h *Histogram) Quantile(q float64) time.Duration {
	want, seen := uint64(q*float64(h.Total)), uint64(0)
	for i, n := range h.Counts {
		if seen += n; n > 0 && seen >= want {
			return min(time.Duration(1)<<i, h.Max)
		}
	}
	return h.Max
}

// histogram is the live form, changed by any goroutine.
type histogram struct {
	counts [48]atomic.Uint64
	sum    atomic.Int64
	max    atomic.Int64
}

func (h *histogram) add(ns int64) {
	ns = max(ns, 0)
	h.counts[min(bits.Len64(uint64(ns)), len(h.counts)-1)].Add(1)
	h.sum.Add(ns)
	for {
		old := h.max.Load()
		if ns <= old || h.max.CompareAndSwap(old, ns) {
			return
		}
	}
}

func (h *histogram) snapshot() Histogram {
	s := Histogram{Sum: time.Duration(h.sum.Load()), Max: time.Duration(h.max.Load())}
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
		s.Total += s.Counts[i]
	}
	return s
}
