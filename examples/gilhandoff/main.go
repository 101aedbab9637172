// Gilhandoff shows how goroutines share Python's GIL. Three groups of them work on real files at
// the same time: one never lets the GIL go (it tokenises Go source in plain Python), one lets it
// go while it computes (zlib and hashlib), one while it waits (a slow disk). While they work,
// pyhost records who waits for the GIL, who has it and who lets it go; then the program prints
// that as a timeline and writes it as an SVG picture and as a trace for https://ui.perfetto.dev.
//
//	go run ./examples/gilhandoff [-n 4] [-files DIR] [-max 1200] [-svg FILE] [-trace FILE]
//
// Ctrl-C ends the work early: the calls under way are cancelled, what was recorded so far is
// reported all the same, and the exit code is 130. A second Ctrl-C ends the program at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled" // the Python to use if there is no other
)

type options struct {
	goroutines int // in each group
	files      string
	max        int
	svg, trace string
	width      int
}

func main() {
	var opt options
	flag.IntVar(&opt.goroutines, "n", 4, "`goroutines` in each of the three groups")
	flag.StringVar(&opt.files, "files", "", "`folder` of Go files to work on (default GOROOT/src)")
	flag.IntVar(&opt.max, "max", 1200, "how many `files` to tokenise at most")
	flag.StringVar(&opt.svg, "svg", "gilhandoff.svg", "where to write the picture (\"\": nowhere)")
	flag.StringVar(&opt.trace, "trace", "gilhandoff.json",
		"where to write the trace (\"\": nowhere)")
	flag.IntVar(&opt.width, "width", columns(), "`columns` of the timeline")
	cli.Parse("Gilhandoff has goroutines share Python's GIL, and shows who had it when.")
	cli.Run("gilhandoff", func(ctx context.Context) error {
		return opt.run(ctx, os.Stdout, os.Stderr)
	})
}

func (o *options) check() error {
	switch {
	case o.goroutines < 1 || o.max < 1:
		return errors.New("-n and -max must be at least 1")
	case o.width < minWidth:
		return fmt.Errorf("-width must be at least %d", minWidth)
	}
	return cli.Writable(o.svg, o.trace)
}

// run does the work and reports it. If ctx ends, it reports what was done until then, too.
func (o *options) run(ctx context.Context, stdout, stderr *os.File) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	files, err := findFiles(ctx, o.files, o.max)
	if err != nil {
		return err
	}
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()

	load := newLoad(rt, files, o.goroutines)
	recording, err := load.record(ctx, stderr)
	if err != nil {
		return err
	}
	c := newChart(recording, load.groupNames())
	c.python = rt.Info().Python.Version
	load.interrupted = ctx.Err() != nil
	printReport(stdout, c, load)
	printTimelines(stdout, c, o.width, colourful(stdout))
	return errors.Join(o.write(c, recording, stdout), ctx.Err())
}

func (o *options) write(c *chart, recording *pyhost.Recording, stdout io.Writer) error {
	if o.svg != "" {
		if err := writeFile(o.svg, c.writeSVG); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "picture: %s\n", o.svg)
	}
	if o.trace != "" {
		if err := writeFile(o.trace, recording.WriteTrace); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "trace:   %s (open it at https://ui.perfetto.dev)\n", o.trace)
	}
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// record loads the Python code, then records while the goroutines work. An end of ctx is no error.
func (l *load) record(ctx context.Context, progress *os.File) (*pyhost.Recording, error) {
	err := l.rt.Exec(ctx, workSource, pyhost.Scope{File: "work.py"})
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	recorder, err := l.rt.Record(pyhost.RecordOptions{})
	if err != nil {
		return nil, err
	}
	done := showProgress(progress, l, time.Second)
	err = l.run(ctx)
	recording := recorder.Stop()
	done()
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	return recording, nil
}
