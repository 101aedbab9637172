// Command arrays has numpy filter a Go image where it is: numpy's array is the image's own memory,
// and nothing is copied between the two. It writes a picture of before and after.
//
// It takes the first Python found that has numpy; PYHOST_PYTHON names another. Where none has it,
// the same filters run in plain Python, over a memoryview of the same memory.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

// Applied is what Python says of a filter, a tuple.
type Applied struct {
	Address uintptr // of the pixels that it worked on
	Seconds float64
}

// apply has Python filter a picture in place.
func apply(ctx context.Context, rt *pyhost.Runtime, filter string, img *image.NRGBA) (Applied,
	error) {
	size := img.Bounds().Size()
	pixels, err := pyhost.NewWritableBuffer(img.Pix, size.Y, size.X, 4)
	if err != nil {
		return Applied{}, err
	}
	applied, err := pyhost.Call[Applied](ctx, rt, "apply", filter, pixels)
	return applied, errors.Join(err, pixels.Close()) // Python must not have kept the picture
}

//go:embed filters.py
var withNumpy string

//go:embed plain.py
var plain string

// load brings in the filters: those of numpy, or the slower ones.
func load(ctx context.Context, rt *pyhost.Runtime, numpy bool) (tool string, err error) {
	err = pyhost.ModuleNotFoundError
	if numpy {
		err = rt.Exec(ctx, withNumpy, pyhost.Scope{File: "filters.py"})
	}
	if errors.Is(err, pyhost.ModuleNotFoundError) {
		err = rt.Exec(ctx, plain, pyhost.Scope{File: "plain.py"})
	}
	if err != nil {
		return "", err
	}
	return pyhost.Eval[string](ctx, rt, "TOOL")
}

type options struct {
	in, out, filter string
	plain           bool
}

var filters = []string{"blur", "edges", "invert", "posterize"}

func main() {
	var opt options
	flag.StringVar(&opt.in, "in", "", "the PNG or JPEG `file` to filter (default: one is drawn)")
	flag.StringVar(&opt.out, "o", "arrays.png", "the `file` to write: before on the left, after "+
		"on the right (\"\": none)")
	flag.StringVar(&opt.filter, "filter", "", "one of "+strings.Join(filters, ", ")+
		" (default: all, one below the other)")
	flag.BoolVar(&opt.plain, "plain", false, "do without numpy")
	cli.Parse("Arrays has numpy filter a Go image where it is.")
	cli.Run("arrays", func(ctx context.Context) error {
		return run(ctx, os.Stdout, opt)
	})
}

func run(ctx context.Context, w io.Writer, opt options) error {
	names := filters
	if opt.filter != "" {
		names = []string{opt.filter}
	}
	if !slices.Contains(filters, names[0]) {
		return fmt.Errorf("no filter %q: want one of %s", opt.filter, strings.Join(filters, ", "))
	}
	if err := cli.Writable(opt.out); err != nil {
		return err
	}
	before, err := picture(opt.in)
	if err != nil {
		return err
	}
	python := ""
	if !opt.plain {
		python = pythonWithNumpy(ctx)
	}
	rt, err := pyhost.Open(pyhost.Config{Python: python})
	if err != nil {
		return err
	}
	defer rt.Close()
	tool, err := load(ctx, rt, !opt.plain)
	if err != nil {
		return err
	}
	size := before.Bounds().Size()
	fmt.Fprintf(w, "%d x %d pixels, %.1f MB; Python %s, %s\n", size.X, size.Y,
		float64(len(before.Pix))/1e6, rt.Info().Python.Version, tool)
	return filterAll(ctx, w, rt, names, before, opt.out)
}

// filterAll applies each filter to a picture of its own, and draws them all.
func filterAll(ctx context.Context, w io.Writer, rt *pyhost.Runtime, names []string,
	before *image.NRGBA, out string) error {
	fmt.Fprintf(w, "\n%-10s %12s %14s\n", "filter", "call in Go", "of it, filter")
	pairs := newSheet(before, len(names))
	copies := 0
	for i, name := range names {
		after := clone(before)
		start := time.Now()
		applied, err := apply(ctx, rt, name, after)
		took := time.Since(start)
		if err != nil {
			return err
		}
		if applied.Address != uintptr(unsafe.Pointer(&after.Pix[0])) {
			copies++
		}
		fmt.Fprintf(w, "%-10s %9.2f ms %11.2f ms\n", name, took.Seconds()*1e3, applied.Seconds*1e3)
		pairs.put(i, after)
	}
	if copies > 0 {
		fmt.Fprintf(w, "\ncopies between Go and Python: %d\n", copies)
	} else {
		fmt.Fprintln(w, "\ncopies between Go and Python: none, the pixels have one address in both")
	}
	if out == "" {
		return nil
	}
	if err := pairs.write(out); err != nil {
		return err
	}
	fmt.Fprintln(w, "picture:", out)
	return nil
}
