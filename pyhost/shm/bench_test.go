//go:build linux

package shm_test

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

func init() {
	// Opens what it reads the names of, and prints how many ns each took.
	programs["opens"] = func() error {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			start := time.Now()
			s, err := shm.Open(lines.Text(), 0)
			took := time.Since(start)
			if err != nil {
				return err
			}
			fmt.Println(took.Nanoseconds())
			if err := s.Close(); err != nil {
				return err
			}
		}
		return lines.Err()
	}
}

const opens = `
import sys, time
from %s import SharedMemory
for line in sys.stdin:
    name = line.strip()
    start = time.perf_counter_ns()
    seg = SharedMemory(name)
    print(time.perf_counter_ns() - start, flush=True)
    seg.close()`

// BenchmarkHandOver hands a gigabyte to another process, one of Go and two of Python, in turn: how
// long it takes to open and map it there, and from the name's being sent to the answer.
func BenchmarkHandOver(b *testing.B) {
	start := time.Now()
	s := mustCreate(b, 1<<30)
	created := time.Since(start)
	version, exe := newest(b)
	b.Log("Python", version)
	receivers := []*process{
		startProcess(b, program(b, "opens")),
		startPython(b, exe, fmt.Sprintf(opens, "multiprocessing.shared_memory")),
		startPython(b, exe, fmt.Sprintf(opens, "pyhost_shm")),
	}
	var open, over [3][]float64
	for b.Loop() {
		for i, p := range receivers {
			start := time.Now()
			p.say(b, s.Name())
			ns, err := strconv.Atoi(p.line(b))
			over[i] = append(over[i], float64(time.Since(start)))
			require.NoError(b, err)
			open[i] = append(open[i], float64(ns))
		}
	}
	for _, p := range receivers {
		p.in.Close()
		_ = p.Wait() // Python complains of what its tracker unlinks
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(open[0], 0.5)/1e3, "open-µs")
	b.ReportMetric(quantile(open[0], 0.99)/1e3, "open-p99-µs")
	b.ReportMetric(quantile(over[0], 0.5)/1e3, "over-µs")
	b.ReportMetric(quantile(over[0], 0.99)/1e3, "over-p99-µs")
	b.ReportMetric(pairwise(open[1], open[0]), "python/go")
	b.ReportMetric(pairwise(open[2], open[0]), "python-untracked/go")
	b.ReportMetric(pairwise(over[1], over[0]), "over-python/go")
	b.ReportMetric(float64(created)/1e6, "create-ms")
}

// newest is of the Pythons that there are.
func newest(b *testing.B) (version, exe string) {
	found := pythons(b)
	version = slices.Max(slices.Collect(maps.Keys(found))) // as text: all are 3.1x
	return version, found[version]
}

func quantile(values []float64, q float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[int(q*float64(len(values)-1))]
}

// pairwise is the median of the ratios of times that were taken one after the other.
func pairwise(a, b []float64) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return quantile(ratios, 0.5)
}

const manages = `
import sys, time
from multiprocessing.managers import SharedMemoryManager
if __name__ == "__main__":
    for line in sys.stdin:
        start = time.perf_counter_ns()
        with SharedMemoryManager() as m: m.SharedMemory(size=4096).close()
        print(time.perf_counter_ns() - start, flush=True)`

// BenchmarkManager: to start one, make a segment, and end it, as Python's SharedMemoryManager.
func BenchmarkManager(b *testing.B) {
	version, exe := newest(b)
	b.Log("Python", version)
	p := startPython(b, exe, manages)
	var inGo, inPython []float64
	for b.Loop() {
		start := time.Now()
		m, err := shm.NewManager()
		require.NoError(b, err)
		s, err := m.Create(4096)
		require.NoError(b, err)
		require.NoError(b, s.Close())
		require.NoError(b, m.Close())
		inGo = append(inGo, float64(time.Since(start)))
		p.say(b, "")
		ns, err := strconv.Atoi(p.line(b))
		require.NoError(b, err)
		inPython = append(inPython, float64(ns))
	}
	p.wait(b)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(quantile(inGo, 0.5)/1e6, "go-ms")
	b.ReportMetric(pairwise(inPython, inGo), "python/go")
}
