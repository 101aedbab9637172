// Command parallel does one real job, to tokenise and parse the files of Python's own standard
// library, in four ways: by goroutines on one interpreter, on a pool of sub-interpreters that share
// its GIL, on a pool whose runtimes have GILs of their own, and in Python alone. It prints how long
// each took, and draws it.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/subinterp"
)

//go:embed work.py
var work string

func main() {
	files := flag.Int("files", 400, "how many files to read; 0: all")
	workers := flag.Int("workers", runtime.GOMAXPROCS(0), "runtimes of a pool, and goroutines")
	svg := flag.String("svg", "parallel.svg", "where to write the picture (\"\": nowhere)")
	cli.Parse("Parallel parses Python's standard library in four ways, and compares them.")
	cli.Run("parallel", func(ctx context.Context) error {
		return run(ctx, *files, *workers, *svg)
	})
}

func run(ctx context.Context, files, workers int, svg string) error {
	if files < 0 || workers < 1 {
		return fmt.Errorf("want 0 files or more and 1 worker or more")
	}
	if err := cli.Writable(svg); err != nil {
		return err
	}
	busy := cli.Busy()
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := rt.Exec(ctx, work, pyhost.Scope{File: "work.py"}); err != nil {
		return err
	}
	paths, err := stdlib(ctx, rt, files)
	if err != nil {
		return err
	}
	version := rt.Info().Python.Version
	fmt.Printf("%d files of Python %s, %d workers\n\n", len(paths), version, workers)
	if busy > 0 {
		fmt.Printf("The machine is busy, with a load of %d: times are disturbed.\n\n", busy)
	}
	b := bench{ctx: ctx, main: rt, paths: paths, workers: workers}
	if err := b.all(); err != nil {
		return err
	}
	if err := b.report(os.Stdout); err != nil || svg == "" {
		return err
	}
	f, err := os.Create(svg)
	if err != nil {
		return err
	}
	b.draw(f)
	fmt.Println("\npicture:", svg)
	return f.Close()
}

// stdlib is a sample of the standard library's files.
func stdlib(ctx context.Context, rt *pyhost.Runtime, most int) ([]string, error) {
	dir, err := pyhost.Call[string](ctx, rt, "sysconfig.get_path", "stdlib")
	if err != nil {
		return nil, err
	}
	var all []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "site-packages" {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".py") {
			all = append(all, path)
		}
		return ctx.Err()
	})
	if err != nil || most == 0 || most >= len(all) {
		return all, err
	}
	var some []string
	for i := range most {
		some = append(some, all[i*len(all)/most])
	}
	return some, nil
}

// way is one of doing the job.
type way struct {
	name   string
	took   time.Duration
	memory int    // bytes that the process has more than before
	why    string // it could not be done
	nodes  map[string]int
}

type bench struct {
	ctx     context.Context
	main    *pyhost.Runtime
	paths   []string
	workers int
	ways    []way
}

// all does the job in each way. One that cannot be had is no error, but for the first, which the
// others are compared with.
func (b *bench) all() error {
	for _, path := range b.paths { // else the first way alone would wait for the disk
		if _, err := os.ReadFile(path); err != nil {
			return err
		}
	}
	b.measure("Python alone", func() (map[string]int, error) {
		return pyhost.Call[map[string]int](b.ctx, b.main, "count_all", b.paths)
	})
	b.measure("one interpreter", func() (map[string]int, error) { return b.spread(b.main) })
	b.pool("pool, shared GIL", subinterp.SharedGIL)
	b.pool("pool, own GILs", subinterp.OwnGIL)
	if first := b.ways[0]; first.why != "" && b.ctx.Err() == nil {
		return fmt.Errorf("%s: %s", first.name, first.why)
	}
	return b.ctx.Err()
}

func (b *bench) measure(name string, job func() (map[string]int, error)) {
	before, start := resident(), time.Now()
	nodes, err := job()
	w := way{name: name, took: time.Since(start), memory: resident() - before, nodes: nodes}
	if err != nil {
		w.why = err.Error()
	}
	b.ways = append(b.ways, w)
}

// pool does the job on a pool. Making it is not part of the time.
func (b *bench) pool(name string, gil subinterp.GIL) {
	before := resident()
	p, err := subinterp.NewPool(b.ctx, b.main, subinterp.PoolConfig{
		Config: subinterp.Config{GIL: gil, Setup: work}, Size: b.workers})
	if errors.Is(err, pyhost.ErrOwnGILUnsupported) {
		err = errors.New("this takes CPython 3.13 or later, built with a GIL")
	}
	if err != nil {
		b.ways = append(b.ways, way{name: name, why: err.Error()})
		return
	}
	b.measure(name, func() (map[string]int, error) { return b.spread(p) })
	b.ways[len(b.ways)-1].memory = resident() - before
	if err := p.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "parallel:", err)
	}
}

// spread has goroutines take file after file.
func (b *bench) spread(r pyhost.Runner) (map[string]int, error) {
	ctx, stop := context.WithCancelCause(b.ctx)
	defer stop(nil)
	next := make(chan string)
	total := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range b.workers {
		wg.Go(func() {
			for path := range next {
				got, err := pyhost.Call[map[string]int](ctx, r, "count", path)
				if err != nil {
					stop(err)
					return
				}
				mu.Lock()
				for kind, n := range got {
					total[kind] += n
				}
				mu.Unlock()
			}
		})
	}
	for _, path := range b.paths {
		select {
		case next <- path:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return total, context.Cause(ctx)
}

// resident is what the process holds of memory, in bytes; 0 where nobody tells.
func resident() int {
	var size, pages int
	data, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, _ = fmt.Sscan(string(data), &size, &pages)
	}
	return pages * os.Getpagesize()
}

func (b *bench) alone() time.Duration { return b.ways[0].took }

// slowest of the ways that went.
func (b *bench) slowest() time.Duration {
	return slices.MaxFunc(b.ways, func(x, y way) int { return int(x.took - y.took) }).took
}
