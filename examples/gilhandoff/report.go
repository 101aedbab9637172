package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// printReport tells what was done, then what it did to the GIL.
func printReport(w io.Writer, c *chart, l *load) {
	until := ""
	if l.interrupted {
		until = ", then interrupted"
	}
	fmt.Fprintf(w, "Python %s: %d goroutines in %s%s\n\n",
		c.python, l.n*len(l.groups), short(l.took), until)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	results := []string{l.tokensText(), l.packedText(), megabytes(l.read.Load()) + " read"}
	for i, g := range l.groups {
		fmt.Fprintf(tab, "%s\t%d files\t%s\t(%s)\n", g.name, g.done.Load(), results[i], g.does)
	}
	tab.Flush()
	fmt.Fprintln(w)
	printSummary(w, c)
}

func (l *load) tokensText() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := 0
	for _, n := range l.tokens {
		total += n
	}
	return fmt.Sprintf("%s tokens, %s of them identifiers",
		grouped(total), grouped(l.tokens["identifier"]))
}

func (l *load) packedText() string {
	return fmt.Sprintf("%s into %s", megabytes(l.packedFrom.Load()), megabytes(l.packedTo.Load()))
}

// printSummary prints the recording's numbers: those of the GIL, then those of each goroutine.
func printSummary(w io.Writer, c *chart) {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range c.facts() {
		fmt.Fprintf(tab, "%s\t%s\t%s\n", f.name, f.value, f.note)
	}
	tab.Flush()
	if c.dropped > 0 {
		fmt.Fprintf(w, "the recording is incomplete: %s events did not fit\n", grouped(c.dropped))
	}
	fmt.Fprintln(w)
	tab = tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tab, "goroutine\theld\tbeside\tin C\twaited\tlongest\tholds\tmedian hold\t\n")
	for _, l := range c.lanes {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.label, short(l.sum.Hold),
			short(l.sum.Beside), short(l.sum.InC), short(l.sum.Wait), short(l.sum.LongestWait),
			grouped(len(l.holds())), short(median(l.holds())))
	}
	tab.Flush()
	fmt.Fprintln(w)
}

// fact is a number that sums a chart up.
type fact struct{ name, value, note string }

func (c *chart) facts() []fact {
	s := c.sum
	var longest *lane
	var holds []time.Duration
	for _, l := range c.lanes {
		holds = append(holds, l.holds()...)
		if longest == nil || l.sum.LongestWait > longest.sum.LongestWait {
			longest = l
		}
	}
	facts := []fact{
		{"hand-offs", grouped(s.Handoffs), grouped(s.Forced) + " after 5 ms, by force"},
		{"GIL held", percent(s.Busy), "up to " + percent(s.BusyAtMost) + " with C functions"},
		{"side by side", "≈ " + percent(s.SideBySide), "of the time two or more got on"},
		{"median hold", short(median(holds)), fmt.Sprintf("of %s holds", grouped(len(holds)))},
	}
	if longest != nil {
		facts = append(facts, fact{"longest wait", short(longest.sum.LongestWait), longest.label})
	}
	return facts
}

// holds returns how long the lane held the GIL each time.
func (l *lane) holds() []time.Duration {
	var out []time.Duration
	for _, s := range l.spans {
		if s.State == pyhost.Holding {
			out = append(out, s.End-s.Start)
		}
	}
	return out
}

func median(of []time.Duration) time.Duration {
	if len(of) == 0 {
		return 0
	}
	of = slices.SortedFunc(slices.Values(of), cmp.Compare[time.Duration])
	return of[len(of)/2]
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// grouped writes 1234567 as 1,234,567.
func grouped(n int) string {
	text := fmt.Sprint(n)
	var parts []string
	for len(text) > 3 {
		parts = append([]string{text[len(text)-3:]}, parts...)
		text = text[:len(text)-3]
	}
	return strings.Join(append([]string{text}, parts...), ",")
}
