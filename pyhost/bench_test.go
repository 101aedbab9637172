package pyhost_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// The benchmarks compare in one run and print ratios. Those that need a runtime of their own
// settings are children, which print "name value" lines.

func childMetrics(b *testing.B, name string) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // one run is one measurement
	for range b.N {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+name)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		require.NoError(b, err)
		for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
			var unit string
			var v float64
			_, err := fmt.Sscan(lines.Text(), &unit, &v)
			require.NoError(b, err, lines.Text())
			b.ReportMetric(v, unit)
		}
	}
}

func metric(unit string, v float64) { fmt.Println(unit, v) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// osThreads is the number of OS threads of this process.
func osThreads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	return len(tasks)
}

// peakThreads watches their number until stop is called.
func peakThreads() (stop func() int) {
	over, done := make(chan struct{}), make(chan int)
	go func() {
		peak := 0
		for tick := time.NewTicker(time.Millisecond); ; {
			peak = max(peak, osThreads())
			select {
			case <-over:
				done <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() int { close(over); return <-done }
}

func openFor(cfg pyhost.Config, code string) (*pyhost.Runtime, error) {
	r, err := pyhost.Open(cfg)
	if err == nil {
		err = r.Exec(bg, code)
	}
	return r, err
}
