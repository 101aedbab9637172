//go:build linux

package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
	"github.com/pyhost/pyhost/subinterp"
)

//go:embed fork.py
var fork string

// cost is what it takes to make one more.
type cost struct {
	Name    string
	Time    time.Duration
	Bytes   int64  // resident, and its own; 0: not measured
	Missing string // why there is nothing to tell
}

// measurement is of the time that one takes and the bytes that it has; 0: they are not measured.
type measurement func(context.Context) (took time.Duration, bytes int64, err error)

func costs(ctx context.Context, main *pyhost.Runtime) []cost {
	var all []cost
	add := func(name string, measure measurement) {
		took, bytes, err := measure(ctx)
		c := cost{Name: name, Time: took, Bytes: max(0, bytes)}
		if err != nil {
			c = cost{Name: name, Missing: short(err)}
		}
		all = append(all, c)
	}
	exe := main.Info().Python.Executable
	add("goroutine", goroutines)
	add("thread of Python", func(ctx context.Context) (time.Duration, int64, error) {
		got, err := pyhost.Call[pyhost.Tuple](ctx, main, "threads", 50)
		if err != nil {
			return 0, 0, err
		}
		return seconds(got[0].(float64)), got[1].(int64), nil
	})
	add("fork of a Python process", func(ctx context.Context) (time.Duration, int64, error) {
		out, err := exec.CommandContext(ctx, exe, "-I", "-c", fork).Output()
		var s float64
		var bytes int64
		if err == nil {
			_, err = fmt.Sscan(string(out), &s, &bytes)
		}
		return seconds(s), bytes, err
	})
	add("fork and exec of true", started("true"))
	add("sub-interpreter, shared GIL", interpreters(main, subinterp.SharedGIL))
	add("sub-interpreter, own GIL", interpreters(main, subinterp.OwnGIL))
	add("python -I -c pass", started(exe, "-I", "-c", "pass"))
	add("process runtime", processes(exe))
	return all
}

// short is why something cannot be measured.
func short(err error) string {
	if errors.Is(err, pyhost.ErrOwnGILUnsupported) {
		return "this takes CPython 3.13 or later, built with a GIL"
	}
	return err.Error()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func goroutines(context.Context) (time.Duration, int64, error) {
	const n = 10_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	start := time.Now()
	for range n {
		wg.Go(func() { <-gate })
	}
	runtime.Gosched()
	took := time.Since(start) / n
	runtime.ReadMemStats(&after)
	close(gate)
	wg.Wait()
	return took, int64(after.StackInuse-before.StackInuse) / n, nil
}

func started(name string, args ...string) measurement {
	return func(ctx context.Context) (time.Duration, int64, error) {
		run := func() error { return exec.CommandContext(ctx, name, args...).Run() }
		took, err := median(5, run)
		return took, 0, err
	}
}

func interpreters(main *pyhost.Runtime, gil subinterp.GIL) measurement {
	const n = 8
	return func(ctx context.Context) (time.Duration, int64, error) {
		var open []*pyhost.Runtime
		before := resident()
		took, err := median(n, func() error {
			rt, err := subinterp.New(ctx, main, subinterp.Config{GIL: gil})
			if err == nil {
				open = append(open, rt)
			}
			return err
		})
		bytes := (resident() - before) / n
		for _, rt := range open {
			_ = rt.Close()
		}
		return took, bytes, err
	}
}

func processes(exe string) measurement {
	return func(ctx context.Context) (took time.Duration, bytes int64, err error) {
		var open []*process.Runtime
		took, err = median(5, func() error {
			rt, err := process.Start(ctx, process.Config{Python: exe})
			if err == nil {
				open = append(open, rt)
			}
			return err
		})
		for _, rt := range open {
			bytes = private(rt.Info().Pid)
			_ = rt.Close()
		}
		return took, bytes, err
	}
}

func median(n int, do func() error) (time.Duration, error) {
	var all []time.Duration
	for range n {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[n/2], nil
}

// resident is what this process holds of memory, in bytes.
func resident() int64 {
	var size, pages int64
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(text), &size, &pages)
	}
	return pages * int64(os.Getpagesize())
}

// private is what a process holds that no other has mapped, in bytes; 0 if nobody tells.
func private(pid int) (bytes int64) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	return privateOf(f)
}

func privateOf(r io.Reader) (bytes int64) {
	for s := bufio.NewScanner(r); s.Scan(); {
		var name string
		var kb int64
		_, err := fmt.Sscan(s.Text(), &name, &kb)
		if err == nil && strings.HasPrefix(name, "Private_") {
			bytes += kb << 10
		}
	}
	return bytes
}
