//go:build linux

// Command runtimes answers by measurement what a runtime is, what threads share and what processes
// share: for goroutines on one interpreter, sub-interpreters with a shared GIL and with GILs of
// their own, processes, and a free-threaded Python where there is one. It prints a table, and
// writes it as a page.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/pyhost/shm"
)

// places of numbers in the shared memory: the program's, and one for each user of a runtime.
const places = 11

func main() {
	page := flag.String("html", "runtimes.html", "where to write the page (\"\": nowhere)")
	crashes := flag.String("crash", "", "crash a runtime of that `kind`: for the program itself")
	only := flag.String("only", "", "measure that `kind`, print JSON: for the program itself")
	name := flag.String("segment", "", "shared memory for -only")
	at := flag.Int("at", 0, "place in it")
	cli.Parse("Runtimes measures what a runtime is, and what threads and processes share.")
	cli.Run("runtimes", func(ctx context.Context) error {
		switch k, ok := kindOf(*crashes + *only); {
		case *crashes+*only == "":
			return run(ctx, *page)
		case !ok:
			return errors.New("no such kind")
		case *crashes != "":
			return crashMain(ctx, k)
		default:
			return onlyMain(ctx, k, *name, *at)
		}
	})
}

func run(ctx context.Context, page string) error {
	if err := cli.Writable(page); err != nil {
		return err
	}
	before, start := resident(), time.Now()
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	first := cost{Name: "the main interpreter, once", Time: time.Since(start),
		Bytes: resident() - before}
	memory, err := shm.NewManager()
	if err != nil {
		return err
	}
	defer memory.Close()
	seg, err := memory.Create(8 * places)
	if err != nil {
		return err
	}
	r := report{Python: rt.Info().Python, Pid: os.Getpid(), Busy: cli.Busy()}
	if err := r.measure(ctx, rt, seg); err != nil {
		return err
	}
	r.Costs = append(costs(ctx, rt), first)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := r.print(os.Stdout); err != nil || page == "" {
		return err
	}
	f, err := os.Create(page)
	if err != nil {
		return err
	}
	fmt.Println("\npage:", page)
	return errors.Join(r.write(f), f.Close())
}

// measure fills the columns. The shared memory goes from one to the next: each finds there what the
// one before has written.
func (r *report) measure(ctx context.Context, main *pyhost.Runtime, seg *shm.Segment) error {
	numbers, err := shm.Slice[int64](seg, 0, places)
	if err != nil {
		return err
	}
	numbers[0] = 1
	at := 0
	for _, k := range kinds {
		c, err := k.measure(ctx, main, seg, at)
		if err != nil {
			return err
		}
		if c.Missing == "" {
			at += 2
			if c.Crash, err = k.crash(ctx, "PYHOST_PYTHON="+python(r.Python)); err != nil {
				return err
			}
		}
		r.Columns = append(r.Columns, c)
	}
	if !r.Python.FreeThreaded {
		c, err := measureFree(ctx, seg, at)
		if err != nil {
			return err
		}
		if c.Missing == "" {
			at += 2
		}
		r.Columns = append(r.Columns, c)
	}
	r.Shared = at
	if numbers[at] != int64(at+1) {
		return fmt.Errorf("shared memory holds %v", numbers)
	}
	return nil
}

func python(p pyhost.Python) string {
	if p.Executable != "" {
		return p.Executable
	}
	return p.Libpython
}

// measureFree measures the first free-threaded Python that there is, in a program of its own.
func measureFree(ctx context.Context, seg *shm.Segment, at int) (*column, error) {
	for _, p := range pyhost.Discover(ctx) {
		if !p.FreeThreaded || !p.Usable() {
			continue
		}
		env := []string{"PYHOST_PYTHON=" + python(p)}
		cmd := again(ctx, env, "-only", free.key, "-segment", seg.Name(), "-at", fmt.Sprint(at))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		c := new(column)
		if err == nil {
			err = json.Unmarshal(out, c)
		}
		if err == nil {
			c.Crash, err = free.crash(ctx, env...)
		}
		return c, err
	}
	return &column{Title: free.title, Missing: "no free-threaded Python was found, 3.13t or " +
		"later, with a shared libpython (examples/doctor lists what there is)"}, nil
}

// onlyMain is that program.
func onlyMain(ctx context.Context, k kind, segment string, at int) error {
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	seg, err := shm.Open(segment, 0)
	if err != nil {
		return err
	}
	defer seg.Close()
	c, err := k.measure(ctx, rt, seg, at)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}
