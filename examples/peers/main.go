// Peers compares pyhost with what else a program could do: go-python3, Python itself, other
// processes, and the same work in C. It prints a table and writes it, with a chart, to a folder.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	out := flag.String("o", "", "folder for results.md and chart.svg; none: the table is printed")
	runs := flag.Int("runs", 5, "times that each task is measured")
	long := flag.Duration("long", 200*time.Millisecond, "how long a measurement takes, at least")
	only := flag.String("task", "", "one task: call, list, dict, text or crowd")
	python := flag.String("python", defaultPython(), "the Python of all peers")
	name := flag.String("peer", "", "do a task here and print the seconds it takes")
	rounds := flag.Int("rounds", 1, "with -peer: how often")
	dir := flag.String("dir", "", "with -peer: the folder of work.py")
	flag.Parse()

	b := &bench{python: *python, dir: *dir, runs: *runs, long: *long}
	err := b.main(*name, *only, *rounds, *out)
	if err != nil {
		log.Fatal(err)
	}
}

func defaultPython() string {
	if python := os.Getenv("PYHOST_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

func (b *bench) main(peer, task string, rounds int, out string) error {
	if peer != "" {
		return b.here(peer, task, rounds)
	}
	chosen := tasks
	if task != "" {
		t, err := findTask(task)
		if err != nil {
			return err
		}
		chosen = tasks[:0:0]
		chosen = append(chosen, t)
	}
	if err := b.unpack(); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	rep := b.compare(chosen)
	rep.machine = b.machine()
	if out != "" {
		for name, text := range map[string]string{
			"results.md": rep.markdown(), "chart.svg": rep.chart(),
		} {
			if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Print(rep.text())
	return err
}
