//go:build linux

package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// report is all that was measured.
type report struct {
	Python  pyhost.Python
	Pid     int // of this program
	Columns []*column
	Costs   []cost
	Shared  int // runtimes' users that the shared memory went through
	Busy    int // threads of others that wanted to run: times are disturbed
}

// row is a line of the table.
type row struct {
	Title, How string
	Cell       func(c *column) cell
}

// cell is an answer. Apart says that the two have it each for itself, or that nothing is lost.
type cell struct {
	Text  string
	Apart bool
}

// section is a question.
type section struct {
	Title string
	Rows  []row
}

var sections = []section{
	{"What is it?", []row{
		{"process", "os.getpid() of A and B", func(c *column) cell {
			return two("pid", c.Pids[0], c.Pids[1])
		}},
		{"interpreter", "its number in that process", func(c *column) cell {
			one := c.Pids[0] == c.Pids[1] && c.Interpreters[0] == c.Interpreters[1]
			a, b := fmt.Sprint(c.Interpreters[0]), fmt.Sprint(c.Interpreters[1])
			if one {
				return cell{"number " + a, false}
			}
			return cell{"numbers " + a + ", " + b, true}
		}},
		{"OS threads", "threading.get_native_id() of calls at the same time", func(c *column) cell {
			return two("thread", c.Threads[0], c.Threads[1])
		}},
	}},
	{"Does Python run in parallel?", []row{
		{"GIL", "both compute and hold what GIL there is: do they overlap?", func(c *column) cell {
			switch {
			case !c.Overlap:
				return cell{"one for both", false}
			case c.NoGIL:
				return cell{"there is none", true}
			}
			return cell{"one each", true}
		}},
		{"two at once", "the same work, against one user alone; waits for a core left out",
			func(c *column) cell {
				return cell{fmt.Sprintf("%.2f × one", c.Speed), c.Overlap}
			}},
	}},
	{"What memory do they share?", []row{
		{"objects", "A changes an object of its module: does B see it?", func(c *column) cell {
			return which(!c.WriteSeen, "B does not see it", "B sees the change")
		}},
		{"identity", "id() of that object, in A and in B", func(c *column) cell {
			return which(!c.SameObject, "two objects", "one object")
		}},
		{"address space", "A's bytes, read by B at their address", func(c *column) cell {
			return which(!c.SameMemory, "nothing of A there", "B finds them")
		}},
		{"blocks", "sys.getallocatedblocks() in B when A has made 200,000", func(c *column) cell {
			return cell{fmt.Sprintf("%+d", c.Blocks), c.Blocks < objects/2}
		}},
		{"heap", "bytes that count for B when A has made those", func(c *column) cell {
			if c.NoGIL {
				return cell{"not counted", false}
			}
			return cell{fmt.Sprintf("%+.1f MB", float64(c.Bytes)/1e6), c.Bytes < objects*40}
		}},
		{"shared memory", "A and B find what was written before, and write on",
			func(c *column) cell {
				return cell{fmt.Sprintf("found %d, %d", c.Found[0], c.Found[1]), false}
			}},
	}},
	{"What does a crash take down?", []row{
		{"segfault in A", "a read of address 0, by ctypes", func(c *column) cell {
			if c.Crash.Program != "" {
				return cell{"the program: " + c.Crash.Program, false}
			}
			return cell{"its call alone", true}
		}},
		{"afterwards", "calls of A and of B", func(c *column) cell {
			switch {
			case c.Crash.Program != "":
				return cell{"none", false}
			case c.Crash.Next && c.Crash.Other:
				return cell{"both go on", true}
			}
			return cell{fmt.Sprintf("A: %t, B: %t", c.Crash.Next, c.Crash.Other), false}
		}},
	}},
}

func two(what string, a, b int) cell {
	if a == b {
		return cell{fmt.Sprintf("%s %d", what, a), false}
	}
	return cell{fmt.Sprintf("%ss %d, %d", what, a, b), true}
}

func which(apart bool, yes, no string) cell {
	if apart {
		return cell{yes, true}
	}
	return cell{no, false}
}

// measured are the columns that have something to tell.
func (r *report) measured() (got []*column) {
	for _, c := range r.Columns {
		if c.Missing == "" {
			got = append(got, c)
		}
	}
	return got
}

func (r *report) missing() (not []*column) {
	for _, c := range r.Columns {
		if c.Missing != "" {
			not = append(not, c)
		}
	}
	return not
}

// print writes the table for a terminal.
func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "CPython %s, in program %d. A and B are two users of each kind.\n",
		r.Python.Version, r.Pid)
	if r.Busy > 0 {
		fmt.Fprintf(w, "The machine is busy, with a load of %d: times are disturbed.\n", r.Busy)
	}
	if err := r.table(w); err != nil {
		return err
	}
	for _, c := range r.missing() {
		fmt.Fprintf(w, "\nNot measured: %s: %s\n", c.Title, c.Missing)
	}
	fmt.Fprintln(w, "\nWhat one more costs:")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, c := range r.Costs {
		if c.Missing != "" {
			fmt.Fprintf(t, "  %s\t\t\t  %s\n", c.Name, c.Missing)
			continue
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t\n", c.Name, span(c.Time), size(c.Bytes))
	}
	return t.Flush()
}

func (r *report) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := [2]string{}
	for _, c := range r.measured() {
		first, second := halves(c.Title)
		head[0] += "\t" + first
		head[1] += "\t" + second
	}
	fmt.Fprintf(t, "\n%s\n%s\n", head[0], head[1])
	for _, s := range sections {
		fmt.Fprintf(t, "%s%s\n", s.Title, strings.Repeat("\t", len(r.measured())))
		for _, x := range s.Rows {
			fmt.Fprint(t, "  ", x.Title)
			for _, c := range r.measured() {
				fmt.Fprint(t, "\t", x.Cell(c).Text)
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
}

// halves cuts a title in two lines.
func halves(title string) (first, second string) {
	for _, sep := range []string{", ", " on "} {
		if i := strings.Index(title, sep); i >= 0 {
			return strings.TrimSuffix(title[:i+len(sep)], " "), title[i+len(sep):]
		}
	}
	return title, ""
}

func span(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	}
	return fmt.Sprintf("%.1f ms", float64(d)/1e6)
}

func size(bytes int64) string {
	switch {
	case bytes == 0:
		return ""
	case bytes < 100_000:
		return fmt.Sprintf("%.1f KB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}
