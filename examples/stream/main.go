// Command stream consumes a Python generator line by line: the generator parses a log, lazily, and
// a loop of Go counts what it finds. Leaving the loop closes the generator, and so the file. With
// -follow it goes on as the log grows, until Ctrl-C.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

//go:embed parse.py
var parse string

// Entry is what the generator yields, a dict.
type Entry struct {
	Number int    `py:"number"`
	Time   string `py:"time"`
	Action string `py:"action"`
	Rest   string `py:"rest"`
}

func main() {
	path := flag.String("log", "/var/log/dpkg.log", "the log `file`: dpkg's, or of a web server")
	most := flag.Int("n", 0, "how many lines to read at most (0: all)")
	follow := flag.Bool("follow", false, "go on as the log grows")
	cli.Parse("Stream counts what a log tells, which a Python generator reads line by line.")
	cli.Run("stream", func(ctx context.Context) error {
		return run(ctx, os.Stdout, *path, *most, *follow)
	})
}

func run(ctx context.Context, w io.Writer, path string, most int, follow bool) error {
	if most < 0 {
		return errors.New("want 0 lines or more")
	}
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := rt.Exec(ctx, parse, pyhost.Scope{File: "parse.py"}); err != nil {
		return err
	}
	var entries *pyhost.Ref
	if err := rt.Call(ctx, "entries", &entries, path, follow); err != nil {
		return err
	}
	defer entries.Close()
	how := pyhost.Iteration{}
	if follow {
		how.Batch = 1 // an entry as soon as it is there
	}
	counts, last, err := count(pyhost.IterOf[Entry](ctx, entries, how), most, func(e Entry) {
		if follow {
			fmt.Fprintf(w, "%s %s %s\n", e.Time, e.Action, e.Rest)
		}
	})
	if err != nil && (!follow || !errors.Is(err, context.Canceled)) {
		return err
	}
	report(w, counts, last)
	return nil
}

// count reads up to most entries, tells each, and counts their actions.
func count(entries iter.Seq2[Entry, error], most int, tell func(Entry)) (map[string]int, Entry,
	error) {
	counts := map[string]int{}
	var last Entry
	for e, err := range entries {
		if err != nil {
			return counts, last, err
		}
		counts[e.Action]++
		last = e
		tell(e)
		if last.Number == most {
			break
		}
	}
	return counts, last, nil
}

func report(w io.Writer, counts map[string]int, last Entry) {
	fmt.Fprintf(w, "%d lines\n", last.Number)
	actions := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, a := range actions {
		fmt.Fprintf(w, "%8d %s\n", counts[a], cmp.Or(a, "(no sense)"))
	}
}
