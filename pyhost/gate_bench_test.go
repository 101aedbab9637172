package pyhost_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

const crowd = 2000

// BenchmarkCrowd: 2,000 goroutines on one runtime, whose code computes, or sleeps.
func BenchmarkCrowd(b *testing.B) {
	b.Run("computes", func(b *testing.B) { childMetrics(b, "crowd computes") })
	b.Run("sleeps", func(b *testing.B) { childMetrics(b, "crowd sleeps") })
}

func init() {
	children["crowd computes"] = crowdComputes
	children["crowd sleeps"] = crowdSleeps
}

// The same settings for both: what a program does is not known beforehand.
func openCrowd() (*pyhost.Runtime, error) {
	return openFor(pyhost.Config{MaxThreads: 256}, `
import time
def work(n):
    for i in range(n): pass
def nap(): time.sleep(0.01)
`)
}

// loops is how many rounds of work take 0.8 ms here.
func loops(r *pyhost.Runtime) (int, time.Duration, error) {
	n := 1000
	for {
		var took []time.Duration
		for range 51 {
			start := time.Now()
			if err := r.Call(bg, "work", nil, n); err != nil {
				return 0, 0, err
			}
			took = append(took, time.Since(start))
		}
		d := median(took)
		if d > 700*time.Microsecond {
			return n, d, nil
		}
		n = n*int(800*time.Microsecond)/int(d) + 1
	}
}

// each runs fn in all goroutines of the crowd, `times` times, and returns the whole time and the
// longest call.
func each(times int, fn func() error) (whole, longest time.Duration) {
	var wg sync.WaitGroup
	var worst atomic.Int64
	start := time.Now()
	for range crowd {
		wg.Go(func() {
			for range times {
				from := time.Now()
				if err := fn(); err != nil {
					panic(err)
				}
				d := int64(time.Since(from))
				for old := worst.Load(); d > old && !worst.CompareAndSwap(old, d); {
					old = worst.Load()
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start), time.Duration(worst.Load())
}

func crowdComputes() error {
	r, err := openCrowd()
	if err != nil {
		return err
	}
	n, _, err := loops(r)
	if err != nil {
		return err
	}
	work := func() error { return r.Call(bg, "work", nil, n) }
	alone := func() time.Duration { // one goroutine, as many calls as one of the rounds below
		start := time.Now()
		for range 1000 {
			if err := work(); err != nil {
				panic(err)
			}
		}
		return time.Since(start) / 1000
	}
	before := alone()
	threads, stop := osThreads(), peakThreads()
	whole, longest := each(2, work)
	peak := stop()
	after := alone()
	one := (before + after) / 2
	metric("one-goroutine-ms", ms(one))
	metric("call-ms", ms(whole)/(2*crowd))
	metric("call/one", float64(whole)/(2*crowd)/float64(one))
	metric("more-threads", float64(peak-threads))
	metric("longest/whole", float64(longest)/float64(whole))
	return r.Close()
}

func crowdSleeps() error {
	r, err := openCrowd()
	if err != nil {
		return err
	}
	stop := peakThreads()
	whole, _ := each(3, func() error { return r.Call(bg, "nap", nil) })
	metric("side-by-side", 3*crowd*10/ms(whole))
	metric("call-us", ms(whole)*1000/(3*crowd))
	metric("threads", float64(stop()))
	return r.Close()
}

// BenchmarkContended: calls of an empty function by more and more goroutines.
func BenchmarkContended(b *testing.B) {
	if err := rt.Exec(bg, "def nop(): pass"); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 2, 8, 100, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			for range b.N {
				contend(b, n)
			}
		})
	}
}

func contend(b *testing.B, n int) {
	counts := make([]int, n)
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Second)
	for g := range n {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := rt.Call(bg, "nop", nil); err != nil {
					panic(err)
				}
				counts[g]++
			}
		})
	}
	wg.Wait()
	total, least, most := 0, counts[0], 0
	for _, c := range counts {
		total, least, most = total+c, min(least, c), max(most, c)
	}
	b.ReportMetric(float64(total)/time.Since(start).Seconds(), "calls/s")
	b.ReportMetric(float64(least)/float64(most), "least/most")
}

// BenchmarkBesides: pure Python by two goroutines beside one. Only a free-threaded Python has more
// than one core to give.
func BenchmarkBesides(b *testing.B) {
	mustExec(b, "def besides(n):\n  x = 0\n  for i in range(n): x += i\n  return x")
	run := func(goroutines int) time.Duration {
		start := time.Now()
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range 40 / goroutines {
					if err := rt.Call(bg, "besides", nil, 300_000); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	var one, two []time.Duration
	for b.Loop() {
		one, two = append(one, run(1)), append(two, run(2))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(one))/float64(median(two)), "two/one")
}
