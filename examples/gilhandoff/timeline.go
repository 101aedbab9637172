package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pyhost/pyhost/pyhost"
)

const (
	minWidth     = 40
	defaultWidth = 100
	leastSeen    = 1.0 / 16 // a smaller share of a cell is not drawn
)

// columns is the width of the terminal, as far as a shell tells.
func columns() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= minWidth {
		return min(n, 200)
	}
	return defaultWidth
}

func colourful(f *os.File) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(f) }

// heights show how much of a cell's time a goroutine held the GIL.
var heights = []rune(" ▁▂▃▄▅▆▇█")

// marks stand for the other states, where the GIL was held for next to nothing of a cell.
var marks = map[pyhost.SpanState]rune{pyhost.InC: '▓', pyhost.Beside: '░', pyhost.Waiting: '·'}

// On a terminal they are colours instead, of the 256 that all terminals know. Those of Beside and
// InC lie behind the height of the GIL's share.
const (
	inkHold   = "38;5;214"
	inkWait   = "38;5;245"
	backInC   = "48;5;117"
	backAside = "48;5;25"
)

// timeline draws a chart with a row for each goroutine, width columns wide.
type timeline struct {
	c      *chart
	w      io.Writer
	colour bool
	label  int // columns of the labels
	cells  int // columns of the bars
}

// printTimelines draws the whole recording, then a piece of it in which single hand-offs show.
func printTimelines(w io.Writer, c *chart, width int, colour bool) {
	t := timeline{c: c, w: w, colour: colour, label: len("side by side")}
	for _, l := range c.lanes {
		t.label = max(t.label, utf8.RuneCountInString(l.label))
	}
	t.cells = max(10, width-t.label-1)
	whole, zoom := c.whole(), c.zoom()
	t.draw("All of it", whole)
	if zoom.length() < whole.length() {
		t.draw(fmt.Sprintf("A piece of it, after %s", short(zoom.from)), zoom)
	}
	t.legend()
}

func (t *timeline) draw(title string, in window) {
	cell := in.length() / time.Duration(t.cells)
	fmt.Fprintf(t.w, "%s: %s, %d hand-offs, a column is %s\n\n",
		title, short(in.length()), len(t.c.within(in)), short(cell))
	t.axis(in)
	progress := make([]float64, t.cells)
	held := make([]float64, t.cells)
	for i, l := range t.c.lanes {
		if i > 0 && l.group != t.c.lanes[i-1].group {
			fmt.Fprintln(t.w)
		}
		cells := l.cells(in, t.cells)
		t.row(l.label, t.bar(cells))
		for k, s := range cells {
			progress[k] += s.progress()
			held[k] += s[pyhost.Holding]
		}
	}
	fmt.Fprintln(t.w)
	t.row("GIL held", t.paint(inkHold, string(bars(held))))
	t.row("side by side", string(digits(progress)))
	fmt.Fprintln(t.w)
}

func (t *timeline) row(label, bar string) {
	fmt.Fprintf(t.w, "%-*s %s\n", t.label, label, strings.TrimRight(bar, " "))
}

func (t *timeline) bar(cells []shares) string {
	var b strings.Builder
	for _, s := range cells {
		b.WriteString(t.cell(s))
	}
	return b.String()
}

// cell shows two things: how long the GIL was held, and what took most of the rest.
func (t *timeline) cell(s shares) string {
	rest := mostOf(s, pyhost.InC, pyhost.Beside, pyhost.Waiting)
	hold := s[pyhost.Holding]
	glyph := heights[0]
	switch {
	case hold >= leastSeen:
		glyph = height(hold)
	case rest != 0 && (!t.colour || rest == pyhost.Waiting):
		glyph = marks[rest]
	}
	return t.paint(inks(rest, hold), string(glyph))
}

func inks(rest pyhost.SpanState, hold float64) string {
	switch {
	case rest == pyhost.InC:
		return inkHold + ";" + backInC
	case rest == pyhost.Beside:
		return inkHold + ";" + backAside
	case hold >= leastSeen:
		return inkHold
	case rest == pyhost.Waiting:
		return inkWait
	}
	return ""
}

func (t *timeline) paint(ink, text string) string {
	if !t.colour || ink == "" {
		return text
	}
	return "\x1b[" + ink + "m" + text + "\x1b[0m"
}

// mostOf returns the state that has the greatest share, if it is to be seen at all.
func mostOf(s shares, states ...pyhost.SpanState) pyhost.SpanState {
	var best pyhost.SpanState
	share := leastSeen
	for _, state := range states {
		if s[state] > share {
			best, share = state, s[state]
		}
	}
	return best
}

// height rounds, but to nothing only what is not seen, and to the full only what nearly is.
func height(share float64) rune {
	top := len(heights) - 1
	return heights[min(top, max(1, int(share*float64(top)+0.5)))]
}

func bars(shares []float64) []rune {
	out := make([]rune, len(shares))
	for i, s := range shares {
		out[i] = heights[0]
		if s >= leastSeen {
			out[i] = height(s)
		}
	}
	return out
}

// digits says how many goroutines got on at once, on average.
func digits(progress []float64) []rune {
	out := make([]rune, len(progress))
	for i, p := range progress {
		out[i] = rune('0' + min(9, int(p+0.5)))
	}
	return out
}

// axis writes times since the window's beginning over the bars: "|" is the moment.
func (t *timeline) axis(in window) {
	line := []rune(strings.Repeat(" ", t.cells))
	free := 0
	for _, tick := range ticks(in.length(), max(2, t.cells/12)) {
		x := int(float64(tick) / float64(in.length()) * float64(t.cells))
		text := []rune("|" + short(tick))
		if x < free || x+len(text) > t.cells {
			continue
		}
		copy(line[x:], text)
		free = x + len(text) + 1
	}
	t.row("", string(line))
}

func (t *timeline) legend() {
	key := func(ink, glyph, text string) string { return t.paint(ink, glyph) + " " + text }
	inC, beside := string(marks[pyhost.InC]), string(marks[pyhost.Beside])
	if t.colour {
		inC, beside = " ", " "
	}
	fmt.Fprintln(t.w, strings.Join([]string{
		key(inkHold, "▂▅█", "holds the GIL (part of the column)"),
		key(backAside, beside, "let it go: in C, works or sleeps beside others"),
		key(backInC, inC, "in C, perhaps with the GIL"),
		key(inkWait, "·", "waits for it"),
	}, "\n"))
	fmt.Fprintln(t.w, "side by side: how many get on at once, on average")
	fmt.Fprintf(t.w, "%s\n\n", "When a function that let it go began to wait for it is estimated, "+
		"rather too late.")
}

// ticks returns about n round times from 0 to length.
func ticks(length time.Duration, n int) []time.Duration {
	step := roundStep(length / time.Duration(n))
	var out []time.Duration
	for at := time.Duration(0); at <= length; at += step {
		out = append(out, at)
	}
	return out
}

// roundStep is the next 1, 2 or 5 times a power of ten.
func roundStep(d time.Duration) time.Duration {
	step := time.Microsecond
	for {
		for _, k := range []time.Duration{1, 2, 5} {
			if k*step >= d {
				return k * step
			}
		}
		step *= 10
	}
}

// short writes a time with three digits: 1.23 s, 45.6 ms, 789 µs.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return trimZero(d.Seconds(), 2) + " s"
	case d >= time.Millisecond || d == 0:
		return trimZero(d.Seconds()*1e3, 1) + " ms"
	}
	return trimZero(d.Seconds()*1e6, 0) + " µs"
}

func trimZero(v float64, digits int) string {
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
