package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

func cores() int        { return runtime.NumCPU() }
func goVersion() string { return strings.Replace(runtime.Version(), "go", "Go ", 1) }

type cell struct{ peer, task string }

// report holds what was measured: the seconds a round, run by run.
type report struct {
	machine string
	tasks   []task
	peers   []*peer
	times   map[cell][]float64
	failed  []string
}

// ratio is how many times as long as the first peer another takes: the median of the runs, with
// the least and the most.
type ratio struct{ median, least, most float64 }

func (r *report) ratio(p *peer, t task) (ratio, bool) {
	ours, theirs := r.times[cell{r.peers[0].name, t.name}], r.times[cell{p.name, t.name}]
	n := min(len(ours), len(theirs))
	if n == 0 {
		return ratio{}, false
	}
	all := make([]float64, n)
	for i := range n {
		all[i] = theirs[i] / ours[i]
	}
	slices.Sort(all)
	return ratio{(all[n/2] + all[(n-1)/2]) / 2, all[0], all[n-1]}, true
}

func (r ratio) String() string {
	return fmt.Sprintf("%s (%s–%s)", digits(r.median), digits(r.least), digits(r.most))
}

func digits(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func (r *report) rows() [][]string {
	head := []string{""}
	for _, t := range r.tasks {
		head = append(head, t.name)
	}
	rows := [][]string{head}
	for _, p := range r.peers {
		row := []string{p.name}
		for _, t := range r.tasks {
			text := "–"
			if x, ok := r.ratio(p, t); ok {
				text = x.String()
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// notes name what is missing or went wrong.
func (r *report) notes() []string {
	var notes []string
	for _, p := range r.peers {
		if p.missing != "" {
			notes = append(notes, p.name+" is missing: "+p.missing)
		}
	}
	return append(notes, r.failed...)
}

const caption = "How many times as long as pyhost: the median of the runs, each a ratio of its " +
	"own, with the least and the most. Under 1 the peer is faster."

const closing = "C and Python itself do not leave their heap, and hold the GIL throughout: what " +
	"pyhost adds to them is a crossing, an attach and the values' copies in Go. Python's own " +
	"copies of a list or dict copy references only. A single string is one crossing for " +
	"go-python3 too, so with the GIL held it is on a par there."

func (r *report) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n%s\n\n", r.machine, caption)
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	for _, note := range r.notes() {
		fmt.Fprintln(&out, note)
	}
	return out.String()
}

func (r *report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# pyhost and its peers\n\n%s\n\n%s\n\n", r.machine, caption)
	for i, row := range r.rows() {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(&out, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
	fmt.Fprintln(&out)
	for _, t := range r.tasks {
		fmt.Fprintf(&out, "* %s: %s\n", t.name, t.what)
	}
	fmt.Fprintf(&out, "\n%s\n", closing)
	for _, note := range r.notes() {
		fmt.Fprintf(&out, "\n%s\n", note)
	}
	return out.String()
}
