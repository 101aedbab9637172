//go:build linux

package process_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

// The benchmarks compare in one run and print ratios.

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func timed(b *testing.B, fn func() error) time.Duration {
	b.Helper()
	start := time.Now()
	require.NoError(b, fn())
	return time.Since(start)
}

func init() { programs["pong"] = pong }

// pong sends each 16 bytes back.
func pong() error {
	c, err := net.FileConn(os.NewFile(3, "socket"))
	if err != nil {
		return err
	}
	buf := make([]byte, 16)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return nil //nolint:nilerr // the other side has ended
		}
		if _, err := c.Write(buf); err != nil {
			return err
		}
	}
}

// ping starts pong and gives a function that goes there and back so many times.
func ping(b *testing.B) (rounds func(n int) error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(b, err)
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	cmd := program(b, "pong")
	cmd.ExtraFiles = []*os.File{theirs}
	require.NoError(b, cmd.Start())
	theirs.Close()
	c, err := net.FileConn(ours)
	require.NoError(b, err)
	ours.Close()
	b.Cleanup(func() { c.Close(); _ = cmd.Wait() })
	buf := make([]byte, 16)
	return func(n int) error {
		for range n {
			if _, err := c.Write(buf); err != nil {
				return err
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				return err
			}
		}
		return nil
	}
}

const nothing = "def nothing(): pass"

// BenchmarkCall: a call of nothing, one at a time, beside an empty ping-pong of two Go processes.
func BenchmarkCall(b *testing.B) {
	rt := start(b, process.Config{Setup: nothing})
	rounds := ping(b)
	const n = 500
	var ratios []float64
	var call, empty []time.Duration
	for b.Loop() {
		empty = append(empty, timed(b, func() error { return rounds(n) }))
		call = append(call, timed(b, func() error {
			for range n {
				if err := rt.Call(bg, "nothing", nil); err != nil {
					return err
				}
			}
			return nil
		}))
		ratios = append(ratios, float64(call[len(call)-1])/float64(empty[len(empty)-1]))
	}
	slices.Sort(ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "call/pingpong")
	b.ReportMetric(float64(median(empty).Nanoseconds())/n/1000, "us/pingpong")
}

// crowd makes n calls of nothing from so many goroutines.
func crowd(r pyhost.Runner, goroutines, n int) error {
	var wg sync.WaitGroup
	errs := make([]error, goroutines)
	for i := range goroutines {
		wg.Go(func() {
			for range n / goroutines {
				if err := r.Call(bg, "nothing", nil); err != nil {
					errs[i] = err
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkCrowd: calls of nothing from 100 goroutines on one worker.
func BenchmarkCrowd(b *testing.B) {
	rt := start(b, process.Config{Setup: nothing})
	const n = 100_000
	var d []time.Duration
	for b.Loop() {
		d = append(d, timed(b, func() error { return crowd(rt, 100, n) }))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(n/median(d).Seconds(), "calls/s")
}

// executors times Python's own pools of two processes: seconds a call of nothing, all handed in at
// once, and seconds an echo of 8 MB.
const executors = `
import concurrent.futures, json, multiprocessing, time

def main():
    data, n = bytes(8 << 20), 2000
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        for _ in range(4): pool.submit(len, ()).result()
        start = time.perf_counter()
        for f in [pool.submit(len, ()) for _ in range(n)]: f.result()
        call = (time.perf_counter() - start) / n
        pool.submit(bytes, data).result()
        start = time.perf_counter()
        for _ in range(10): pool.submit(bytes, data).result()
        echo = (time.perf_counter() - start) / 10
    with multiprocessing.Pool(2) as pool:
        for _ in range(4): pool.apply(len, ((),))
        start = time.perf_counter()
        for r in [pool.apply_async(len, ((),)) for _ in range(n)]: r.get()
        pooled = (time.perf_counter() - start) / n
    print(json.dumps([call, echo, pooled]))

if __name__ == "__main__":
    main()
`

// BenchmarkExecutor: one worker with 100 callers, and a pool of two with as many, beside Python's
// own two pools of two processes, which get all calls at once.
func BenchmarkExecutor(b *testing.B) {
	p := newPool(b, process.PoolConfig{Size: 2})
	rt := start(b, process.Config{})
	file := b.TempDir() + "/executors.py"
	require.NoError(b, os.WriteFile(file, []byte(executors), 0o600))
	data := make([]byte, 8<<20)
	ratios := map[string][]float64{}
	note := func(name string, theirs, ours float64) {
		ratios[name] = append(ratios[name], theirs/ours)
	}
	echo := func() error { return rt.Call(bg, "bytes", new([]byte), data) }
	for b.Loop() {
		var theirs [3]float64
		out, err := exec.Command(p.Info().Python.Executable, "-I", file).Output()
		require.NoError(b, err)
		require.NoError(b, json.Unmarshal(out, &theirs))
		const n, echoes = 100_000, 20
		one := timed(b, func() error { return callers(rt, 100, n) }).Seconds() / n
		two := timed(b, func() error { return callers(p, 100, n) }).Seconds() / n
		require.NoError(b, echo())
		long := timed(b, func() error {
			for range echoes {
				if err := echo(); err != nil {
					return err
				}
			}
			return nil
		}).Seconds() / echoes
		note("calls/executor's", theirs[0], one)
		note("calls/Pool's", theirs[2], one)
		note("pool-calls/executor's", theirs[0], two)
		note("pool-calls/Pool's", theirs[2], two)
		note("echoes/executor's", theirs[1], long)
	}
	for name, list := range ratios {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name)
	}
	b.ReportMetric(0, "ns/op")
}

func callers(r pyhost.Runner, goroutines, n int) error {
	var wg sync.WaitGroup
	errs := make(chan error, goroutines)
	for range goroutines {
		wg.Go(func() {
			for range n / goroutines {
				if err := r.Call(bg, "len", nil, pyhost.Tuple{}); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// BenchmarkStart: a worker, ready for calls, beside a python that does nothing.
func BenchmarkStart(b *testing.B) {
	rt := start(b, process.Config{})
	python := rt.Info().Python.Executable
	require.NoError(b, rt.Call(bg, "len", nil, "x"))
	memory := rt.Stats().Resident
	var ours, theirs []time.Duration
	for b.Loop() {
		var other *process.Runtime
		ours = append(ours, timed(b, func() (err error) {
			other, err = process.Start(bg, process.Config{})
			return err
		}))
		theirs = append(theirs, timed(b, exec.Command(python, "-I", "-c", "pass").Run))
		require.NoError(b, other.Close())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "Start/python")
	b.ReportMetric(float64(median(ours).Microseconds())/1000, "ms/worker")
	b.ReportMetric(float64(memory)/(1<<20), "MB/worker")
}

// BenchmarkPool: work that computes, on two workers beside one: pure Python, and numpy where it is.
// Two pythons that do the same beside one tell how much the machine has to give at the moment.
func BenchmarkPool(b *testing.B) {
	for _, bench := range []struct{ name, setup string }{
		{"python", "def work(n):\n  x = 0\n  for i in range(4 * n): x += i\n  return x"},
		{"numpy", "import numpy\ndef work(n): return int(numpy.sort(numpy.arange(n) * 7 % n)[-1])"},
	} {
		b.Run(bench.name, func(b *testing.B) { poolAgainstOne(b, bench.setup) })
	}
}

const pieces = 64

func poolAgainstOne(b *testing.B, setup string) {
	one, err := process.Start(bg, process.Config{Setup: setup})
	if errors.Is(err, pyhost.ModuleNotFoundError) {
		b.Skip("this Python has no numpy")
	}
	require.NoError(b, err)
	defer one.Close()
	p := newPool(b, process.PoolConfig{Config: process.Config{Setup: setup}, Size: 2})
	code := setup + fmt.Sprintf("\nfrom time import perf_counter\nwork(250000)\n"+
		"start = perf_counter()\nfor _ in range(%d): work(250000)\n"+
		"print(perf_counter() - start)", pieces)
	python := func() (seconds float64) {
		out, err := exec.Command(one.Info().Python.Executable, "-I", "-c", code).Output()
		if err == nil {
			seconds, err = strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		}
		if err != nil {
			b.Error(err)
		}
		return seconds
	}
	var ratios, bound []float64
	for b.Loop() {
		alone := timed(b, func() error { return compute(one, 1) })
		both := timed(b, func() error { return compute(p, 4) }) // one waits at each worker
		ratios = append(ratios, float64(alone)/float64(both))
		var first, second float64
		single := python()
		var wg sync.WaitGroup
		wg.Go(func() { first = python() })
		wg.Go(func() { second = python() })
		wg.Wait()
		bound = append(bound, 2*single/max(first, second))
	}
	slices.Sort(ratios)
	slices.Sort(bound)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "two/one")
	b.ReportMetric(bound[len(bound)/2], "pythons-two/one")
}

func compute(r pyhost.Runner, at int) error {
	args := slices.Values(slices.Repeat([]int{250_000}, pieces))
	opt := pyhost.MapOptions{Ahead: at}
	for _, err := range pyhost.Map[int](bg, r, "work", args, opt) {
		if err != nil {
			return err
		}
	}
	return nil
}
