package main

import (
	"fmt"
	"strings"
	"sync"
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
}

const crowd = 2000

var tasks = []task{
	{name: "call", what: "add(20, 22)", once: add},
	{name: "list", what: "a list of 10,000 ints, in and out", once: list},
	{name: "dict", what: "a dict of 1,000 strings to ints, in and out", once: dict},
	{name: "text", what: "upper of a text of 1 KB", once: text},
	{name: "crowd", what: "add(20, 22) by 2,000 goroutines", crowd: crowd, once: add},
}

var (
	numbers = make([]int, 10_000)
	table   = map[string]int{}
	prose   = strings.Repeat("Straße ohne Ende. ", 60)
	loud    = strings.ReplaceAll(strings.ToUpper(prose), "ß", "SS")
)

func init() {
	for i := range numbers {
		numbers[i] = i
	}
	for i := range 1_000 {
		table[fmt.Sprint("key ", i)] = i
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
	out, err := w.Dict(table)
	return check(err, len(out) == len(table) && out["key 999"] == 999)
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
	if t.crowd == 0 {
		return repeat(w, t.once, rounds)
	}
	var all sync.WaitGroup
	errs := make(chan error, t.crowd)
	for range t.crowd {
		all.Go(func() { errs <- repeat(w, t.once, max(1, rounds/t.crowd)) })
	}
	all.Wait()
	for range t.crowd {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func repeat(w worker, once func(worker) error, rounds int) error {
	for range rounds {
		if err := once(w); err != nil {
			return err
		}
	}
	return nil
}

func findTask(name string) (task, error) {
	for _, t := range tasks {
		if t.name == name {
			return t, nil
		}
	}
	return task{}, fmt.Errorf("no task %q", name)
}
