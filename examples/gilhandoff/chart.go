package main

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// chart is a recording laid out for drawing: what the timeline and the picture have in common.
type chart struct {
	python   string // its version
	dropped  int
	sum      pyhost.Summary
	lanes    []*lane // a row each, from top to bottom
	handoffs []handoff
}

// lane is a row of the chart: a goroutine.
type lane struct {
	label string
	group string // the label without its number
	spans []pyhost.Span
	sum   pyhost.LaneSummary
}

// handoff is the moment at which the GIL passed from one row to another.
type handoff struct {
	at       time.Duration
	from, to int
}

// window is a stretch of the recording's time.
type window struct{ from, to time.Duration }

func (w window) length() time.Duration { return w.to - w.from }

// newChart sorts the lanes by group, in the order given, and then by number. It leaves out those of
// no group: what the program asks while it works, and what stops the calls when it is interrupted.
// They are not at work, but seem to hold the GIL until another lane is seen with it.
func newChart(r *pyhost.Recording, groups []string) *chart {
	c := &chart{sum: r.Summary(), dropped: r.Dropped}
	rows := make([]*lane, len(r.Lanes))
	for i, l := range r.Lanes {
		rows[i] = &lane{label: l.Label, group: groupOf(l.Label), sum: c.sum.Lanes[i]}
	}
	spans := r.Spans()
	for _, s := range spans {
		rows[s.Lane].spans = append(rows[s.Lane].spans, s)
	}
	c.lanes = slices.DeleteFunc(slices.Clone(rows), func(l *lane) bool {
		return len(l.spans) == 0 || groups != nil && !slices.Contains(groups, l.group)
	})
	slices.SortStableFunc(c.lanes, func(a, b *lane) int {
		return cmp.Or(
			cmp.Compare(place(groups, a.group), place(groups, b.group)),
			cmp.Compare(a.group, b.group),
			cmp.Compare(number(a.label), number(b.label)),
		)
	})
	c.findHandoffs(spans, rows)
	return c
}

func groupOf(label string) string {
	if i := strings.LastIndexByte(label, ' '); i >= 0 {
		return label[:i]
	}
	return label
}

func number(label string) int {
	n, _ := strconv.Atoi(label[strings.LastIndexByte(label, ' ')+1:])
	return n
}

// place is the group's place in the order; groups that nobody ordered come last.
func place(groups []string, group string) int {
	if i := slices.Index(groups, group); i >= 0 {
		return i
	}
	return len(groups)
}

func (c *chart) findHandoffs(spans []pyhost.Span, rows []*lane) {
	last := -1
	for _, s := range spans { // by Start
		if s.State != pyhost.Holding {
			continue
		}
		row := slices.Index(c.lanes, rows[s.Lane])
		if last >= 0 && row >= 0 && last != row {
			c.handoffs = append(c.handoffs, handoff{s.Start, last, row})
		}
		if row >= 0 {
			last = row
		}
	}
}

func (c *chart) whole() window { return window{0, c.sum.Wall} }

// within returns the hand-offs in the window.
func (c *chart) within(w window) []handoff {
	i := sort.Search(len(c.handoffs), func(i int) bool { return c.handoffs[i].at >= w.from })
	k := sort.Search(len(c.handoffs), func(i int) bool { return c.handoffs[i].at >= w.to })
	return c.handoffs[i:k]
}

// clipped returns the lane's spans in the window, cut at its ends.
func (l *lane) clipped(w window) []pyhost.Span {
	i := sort.Search(len(l.spans), func(i int) bool { return l.spans[i].End > w.from })
	var in []pyhost.Span
	for _, s := range l.spans[i:] {
		if s.Start >= w.to {
			break
		}
		s.Start, s.End = max(s.Start, w.from), min(s.End, w.to)
		in = append(in, s)
	}
	return in
}

// shares says which part of a cell's time a lane spent in each state, by state.
type shares [pyhost.Detached + 1]float64

// progress is the part of the time in which the lane got on with its work.
func (s shares) progress() float64 {
	return s[pyhost.Holding] + s[pyhost.InC] + s[pyhost.Beside]
}

// cells cuts the window into n cells of the same length.
func (l *lane) cells(w window, n int) []shares {
	out := make([]shares, n)
	size := float64(w.length()) / float64(n)
	if size <= 0 {
		return out
	}
	for _, s := range l.clipped(w) {
		a, b := float64(s.Start-w.from)/size, float64(s.End-w.from)/size
		for i := int(a); i < n && float64(i) < b; i++ {
			out[i][s.State] += min(b, float64(i+1)) - max(a, float64(i))
		}
	}
	return out
}

// zoomLength shows about a dozen of Python's switch intervals.
const zoomLength = 60 * time.Millisecond

// zoom picks a window in which much is to be seen: as many goroutines as possible at work in as
// many ways as possible, and then many hand-offs.
func (c *chart) zoom() window {
	best, most := window{0, min(zoomLength, c.sum.Wall)}, -1.0
	for from := time.Duration(0); from+zoomLength <= c.sum.Wall; from += zoomLength / 2 {
		w := window{from, from + zoomLength}
		if score := c.variety(w); score > most {
			best, most = w, score
		}
	}
	return best
}

func (c *chart) variety(w window) float64 {
	score := 0.0
	for _, l := range c.lanes {
		s := l.cells(w, 1)[0]
		for _, state := range []pyhost.SpanState{pyhost.Holding, pyhost.Beside} {
			// From a twentieth of the window on a state is easy to see.
			score += min(1, 20*s[state])
		}
	}
	n := float64(len(c.within(w)))
	return score + n/(n+20)
}
