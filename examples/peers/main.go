// Peers compares pyhost with what else a program could do: go-python3, Python itself and its pools,
// other processes, and the same work in C. It prints tables and writes them, with charts, to a
// folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	log.SetFlags(0)
	b, j := &bench{ctx: ctx}, job{}
	out := flag.String("o", "", "folder for results.md and the charts; none: they are printed")
	only := flag.String("section", "", "only one: calls, pools, goroutines, speedup or memory")
	flag.StringVar(&b.task, "task", "",
		"only one of the calls: call, list, dict, text, crowd or weight")
	flag.IntVar(&b.runs, "runs", 5, "times that each task is measured; those of curves: 3 at most")
	flag.DurationVar(&b.long, "long", 100*time.Millisecond, "a measurement takes, at least")
	flag.IntVar(&b.goroutines, "goroutines", 10_000, "the most of a curve")
	flag.IntVar(&b.workers, "workers", 2*cores, "the most of a curve")
	flag.IntVar(&b.runtimes, "runtimes", 50, "the most of a curve")
	flag.StringVar(&b.python, "python", defaultPython(), "the Python of the calls")
	flag.StringVar(&b.poolPython, "pool-python", "", "that of the pools; none: the bundled one")
	flag.BoolVar(&b.flask, "flask", false, "install Flask in a virtual environment, for the run")
	flag.StringVar(&b.gopython3, "gopython3", "", "this program, built with the tag gopython3")

	flag.StringVar(&j.peer, "peer", "", "do a task here and print the seconds that it takes")
	flag.IntVar(&j.rounds, "rounds", 1, "with -peer: how often")
	flag.IntVar(&j.size, "size", 1, "with -peer: how many workers or goroutines")
	flag.StringVar(&b.dir, "dir", "", "with -peer: the folder of work.py")
	cli.Parse("Peers compares pyhost with what else a program could do.")
	if j.peer != "" {
		j.task = b.task
		if err := b.here(j); err != nil {
			log.Fatal(err)
		}
		return
	}
	cli.Run("peers", func(ctx context.Context) error {
		b.ctx, b.groups = ctx, true
		return b.main(*only, *out)
	})
}

func defaultPython() string {
	if python := os.Getenv("PYHOST_PYTHON"); python != "" {
		return python
	}
	return "python3"
}

func (b *bench) main(only, out string) error {
	if out != "" {
		if err := cli.Writable(filepath.Join(out, "results.md")); err != nil {
			return err
		}
	}
	if openGoPython3 != nil && b.gopython3 == "" {
		b.gopython3, _ = os.Executable() // else they are missing
	}
	if b.poolPython == "" {
		prefix, err := bundled.Unpack()
		if err != nil {
			return err
		}
		b.poolPython = prefix + "/bin/python3"
	}
	if err := b.unpack(); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	r := b.all(only)
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	fmt.Print(r.text())
	if out == "" {
		return nil
	}
	return r.write(out)
}
