package main

import (
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// pool is several Pythons, or one that several goroutines use.
type pool = pyhost.Runner

// poolers are the pools of this library, each with those of Python that it stands beside.
func poolers() []*peer {
	none := []string{"start", "memory"} // it has no workers of its own
	three14 := needsMinor(14)
	return []*peer{
		{name: library, pool: onlyRuntime, lacks: none},
		{name: "ThreadPoolExecutor", program: runPool("ThreadPoolExecutor"), beside: library,
			lacks: none},
		{name: "subinterp.Pool", pool: subinterps, beside: library, needs: needsMinor(13)},
		{name: "InterpreterPoolExecutor", program: runPool("InterpreterPoolExecutor"),
			beside: "subinterp.Pool", needs: three14},
		{name: "process.Pool", pool: processes, beside: library},
		{name: "ProcessPoolExecutor", program: runPool("ProcessPoolExecutor"),
			beside: "process.Pool"},
		{name: "multiprocessing.Pool", program: runPool("MultiprocessingPool"),
			beside: "process.Pool"},
	}
}

// alone are the peers that have no workers: what the curves are drawn against.
func alone() []*peer {
	lacks := []string{"one call", "calls", "map", "echo", "start", "memory"}
	return []*peer{
		{name: "Python itself", program: runPool("PythonItself"), beside: library, single: true,
			lacks: lacks},
		{name: "Python itself in libpython", program: inLibpython, beside: library, single: true,
			lacks: lacks, needs: (*bench).needsLibpython},
	}
}

// runPool runs pools.py.
func runPool(kind string) func(*bench, job) []string {
	return func(b *bench, j job) []string {
		return []string{b.poolPython, b.file("pools.py"), kind, j.task,
			strconv.Itoa(j.rounds), strconv.Itoa(j.size)}
	}
}

func needsMinor(minor int) func(*bench) string {
	return func(b *bench) string {
		if _, has, _ := strings.Cut(version(b.poolPython), "."); has != "" {
			if n, err := strconv.Atoi(strings.Split(has, ".")[0]); err == nil && n >= minor {
				return ""
			}
		}
		return fmt.Sprintf("needs CPython 3.%d", minor)
	}
}

func version(python string) string {
	text, err := exec.Command(python, "-c",
		"import platform; print(platform.python_version())").Output()
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(text))
}

func onlyRuntime(b *bench, _ int) (func() (pool, error), error) {
	return func() (pool, error) {
		rt, err := pyhost.Open(pyhost.Config{Python: b.poolPython, Path: []string{b.dir}})
		if err != nil {
			return nil, err
		}
		return rt, rt.Exec(ctx, imports)
	}, nil
}

// subinterps has its main interpreter first, as Python's executor has.
func subinterps(b *bench, size int) (func() (pool, error), error) {
	main, err := pyhost.Open(pyhost.Config{Python: b.poolPython})
	return func() (pool, error) {
		return subinterp.NewPool(ctx, main, subinterp.PoolConfig{Size: size,
			Config: subinterp.Config{Path: []string{b.dir}, Setup: imports}})
	}, err
}

// measurePool does a task and gives the seconds that it took.
func (b *bench) measurePool(p *peer, j job) (float64, error) {
	start, err := p.pool(b, j.size)
	if err != nil {
		return 0, err
	}
	from := time.Now()
	if j.task == "memory" && j.size == 0 {
		return 0, wait()
	}
	all, err := start()
	if err != nil {
		return 0, err
	}
	if err = calls(all, j.size, j.size); err != nil {
		return 0, err
	}
	switch run := poolTasks[j.task]; {
	case j.task == "memory":
		return 0, wait()
	case run != nil:
		if err := run(all, j.size, j.size); err != nil {
			return 0, err
		}
		from = time.Now()
		err = run(all, j.rounds, j.size)
	}
	took := time.Since(from).Seconds()
	if err != nil {
		return 0, err
	}
	return took, all.Close()
}

// wait is weighed, until its standard input ends.
func wait() error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// As in pools.py. Calls of nothing come from a hundred goroutines, work from one a worker.
var poolTasks = map[string]func(p pool, rounds, size int) error{
	"one call": func(p pool, rounds, _ int) error { return among(1, rounds, nothing(p)) },
	"calls":    calls,
	"map":      mapped,
	"echo":     func(p pool, rounds, _ int) error { return among(1, rounds, echo(p)) },
	"compute": func(p pool, rounds, size int) error {
		return among(size, rounds, func() error { return p.Call(ctx, "compute", nil) })
	},
}

func calls(p pool, rounds, _ int) error { return among(100, rounds, nothing(p)) }

func nothing(p pool) func() error {
	return func() error { return p.Call(ctx, "nothing", nil) }
}

func echo(p pool) func() error {
	data := make([]byte, 8<<20)
	return func() error {
		var out []byte
		err := p.Call(ctx, "back", &out, data)
		return check(err, len(out) == len(data))
	}
}

func mapped(p pool, rounds, _ int) error {
	options := pyhost.MapOptions{Chunk: 100, Ahead: 32} // Python hands in all at once
	for _, err := range pyhost.Map[int](ctx, p, "abs", upTo(rounds), options) {
		if err != nil {
			return err
		}
	}
	return nil
}

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// among shares out so many rounds among goroutines. One is the caller's own: it may hold the GIL.
func among(goroutines, rounds int, once func() error) error {
	goroutines = min(goroutines, rounds)
	if goroutines <= 1 {
		return repeat(rounds, once)
	}
	var all sync.WaitGroup
	errs := make(chan error, goroutines)
	for i := range goroutines {
		share := (rounds + i) / goroutines
		all.Go(func() { errs <- repeat(share, once) })
	}
	all.Wait()
	for range goroutines {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func repeat(rounds int, once func() error) error {
	for range rounds {
		if err := once(); err != nil {
			return err
		}
	}
	return nil
}
