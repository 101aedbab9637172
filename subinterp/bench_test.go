package subinterp_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func timed(b *testing.B, fn func() error) time.Duration {
	start := time.Now()
	if err := fn(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func rss(t testing.TB) int {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kb, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return kb << 10
}

// BenchmarkNew: a new interpreter, and its end; and what 200 such rounds leave behind.
func BenchmarkNew(b *testing.B) {
	for name, gil := range kinds() {
		b.Run(name, func(b *testing.B) {
			round := func() (took, end time.Duration) {
				var rt *pyhost.Runtime
				took = timed(b, func() (err error) {
					rt, err = subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
					return err
				})
				require.NoError(b, rt.Exec(bg, "x = [i for i in range(1000)]"))
				return took, timed(b, rt.Close)
			}
			for range 20 {
				round()
			}
			var took, end []time.Duration
			var grown int
			for b.Loop() {
				before := rss(b)
				for range 200 {
					t, e := round()
					took, end = append(took, t), append(end, e)
				}
				grown = rss(b) - before
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(median(took))/1e6, "new-ms")
			b.ReportMetric(float64(median(end))/1e6, "close-ms")
			b.ReportMetric(float64(grown)/1e6, "MB-grown/200")

			rts := make([]*pyhost.Runtime, 20)
			before := rss(b)
			for i := range rts {
				var err error
				rts[i], err = subinterp.New(bg, mainRT, subinterp.Config{GIL: gil})
				require.NoError(b, err)
			}
			b.ReportMetric(float64(rss(b)-before)/1e6/float64(len(rts)), "MB-each")
			for _, rt := range rts {
				require.NoError(b, rt.Close())
			}
		})
	}
}

const work = "def work(n):\n  s = 0\n  for i in range(n): s += i * i\n  return s\n" +
	"def nothing(): pass"

// BenchmarkPool: pure Python on a pool of two beside one runtime; and what the pool adds to a call
// of nothing, alone and in a crowd.
func BenchmarkPool(b *testing.B) {
	for name, gil := range kinds() {
		b.Run(name, func(b *testing.B) {
			p, err := subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{
				Config: subinterp.Config{GIL: gil, Setup: work}, Size: 2})
			require.NoError(b, err)
			one, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: gil, Setup: work})
			require.NoError(b, err)
			require.NoError(b, mainRT.Exec(bg, work))
			crowd := func(r pyhost.Runner, goroutines, calls, n int) time.Duration {
				return timed(b, func() error {
					var wg sync.WaitGroup
					for range goroutines {
						wg.Go(func() {
							for range calls {
								if err := r.Call(bg, "work", nil, n); err != nil {
									b.Error(err)
								}
							}
						})
					}
					wg.Wait()
					return nil
				})
			}
			nothing := func(r pyhost.Runner) time.Duration {
				return timed(b, func() error {
					for range 20_000 {
						if err := r.Call(bg, "nothing", nil); err != nil {
							return err
						}
					}
					return nil
				})
			}
			var alone, pooled, single, poolCall, mainCall, two, many []time.Duration
			for b.Loop() {
				alone = append(alone, crowd(one, 2, 4, 200_000))
				pooled = append(pooled, crowd(p, 2, 4, 200_000))
				single = append(single, nothing(one))
				poolCall = append(poolCall, nothing(p))
				mainCall = append(mainCall, nothing(mainRT))
				two = append(two, crowd(p, 2, 2000, 500))
				many = append(many, crowd(p, 2000, 2, 500))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(median(alone))/float64(median(pooled)), "speed-up")
			b.ReportMetric(float64(median(poolCall))/float64(median(single)), "pool/runtime")
			b.ReportMetric(float64(median(poolCall))/float64(median(mainCall)), "pool/main")
			b.ReportMetric(float64(median(two))/float64(median(many)), "2000/2-throughput")
			require.NoError(b, p.Close())
			require.NoError(b, one.Close())
		})
	}
}
