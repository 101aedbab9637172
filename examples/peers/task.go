package main

import (
	"fmt"
	"runtime"
	"strings"
)

// worker is a way to Python that Go code can take. Its methods do the same whatever it is.
type worker interface {
	Add(a, b int) (int, error)                          // add of work.py
	List(values []int) ([]int, error)                   // back
	Dict(values map[string]int) (map[string]int, error) // back
	Text(text string) (string, error)                   // upper
	Close() error
}

// task is work that is measured.
type task struct {
	name, what string
	crowd      int // goroutines side by side; 0: one
	once       func(w worker) error
	size       int  // workers of a pool
	rounds     int  // 0: as many as it takes; less: it is not measured by itself
	weighed    bool // rather than timed, when it is done
}

const crowd = 2000

var cores = runtime.NumCPU()

var tasks = []task{
	{name: "call", what: "add(20, 22)", once: add},
	{name: "list", what: "a list of 10,000 ints, in and out", once: list},
	{name: "dict", what: "a dict of 1,000 strings to ints, in and out", once: dict},
	{name: "text", what: "upper of a text of 1 KB", once: text},
	{name: "crowd", what: "add(20, 22) by 2,000 goroutines", crowd: crowd, once: add},
	{name: "weight", what: "memory (PSS) that is held after a call by each of 2,000 goroutines",
		crowd: crowd, once: add, rounds: crowd, weighed: true},
}

// The tasks of the pools: see pools.go. For memory see sweep.go.
var poolColumns = []task{
	{name: "one call", what: "a call of nothing, one at a time", size: cores},
	{name: "calls", what: "calls of nothing: all handed in at once, or by 100 goroutines",
		size: cores, crowd: 100},
	{name: "map", what: "abs of many ints, in chunks of 100",
		size: cores, crowd: 100},
	{name: "echo", what: "8 MB of bytes, in and out", size: cores},
	{name: "compute", what: "a loop of 200,000 rounds, as many at once as there are workers",
		size: cores},
	{name: "start", what: "a pool with as many workers as cores, until each has been called",
		size: cores, rounds: 1},
	{name: "memory", what: "what each of ten workers adds", rounds: -1},
}

var (
	numbers = make([]int, 10_000)
	pairs   = map[string]int{}
	prose   = strings.Repeat("Straße ohne Ende. ", 60)
	loud    = strings.ReplaceAll(strings.ToUpper(prose), "ß", "SS")
)

func init() {
	for i := range numbers {
		numbers[i] = i
	}
	for i := range 1_000 {
		pairs[fmt.Sprint("key ", i)] = i
	}
}

func add(w worker) error {
	n, err := w.Add(20, 22)
	return check(err, n == 42)
}

func list(w worker) error {
	out, err := w.List(numbers)
	return check(err, len(out) == len(numbers) && out[9_999] == 9_999)
}

func dict(w worker) error {
	out, err := w.Dict(pairs)
	return check(err, len(out) == len(pairs) && out["key 999"] == 999)
}

func text(w worker) error {
	out, err := w.Text(prose)
	return check(err, out == loud)
}

func check(err error, right bool) error {
	if err == nil && !right {
		return fmt.Errorf("a wrong result")
	}
	return err
}

// run does the task so many times.
func (t task) run(w worker, rounds int) error {
	return among(max(1, t.crowd), rounds, func() error { return t.once(w) })
}

// weighed is for a process that waits for that when it is ready.
func (j job) weighed() bool {
	t, err := findTask(j.task)
	return j.task == "memory" || err == nil && t.weighed
}

func findTask(name string) (task, error) {
	for _, t := range tasks {
		if t.name == name {
			return t, nil
		}
	}
	return task{}, fmt.Errorf("no task %q", name)
}
