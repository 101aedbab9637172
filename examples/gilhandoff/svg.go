package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

//go:embed style.css
var svgStyle string

// Lengths of the picture, in its units.
const (
	svgWidth   = 1280
	margin     = 32
	gutter     = 112 // labels of the rows
	plotX      = margin + gutter
	plotWidth  = svgWidth - plotX - margin
	rowHeight  = 20
	rowGap     = 5
	groupGap   = 12
	headHeight = 172
	axisHeight = 26
	titleSkip  = 52 // from a panel's title to its first row
	panelGap   = 34
	footHeight = 92
	column     = 4   // of the overview: narrower columns would only be noise
	least      = 0.8 // shorter spans are drawn together
)

// classes name the states in the picture; style.css gives them colours.
var classes = map[pyhost.SpanState]string{
	pyhost.Holding: "hold", pyhost.InC: "inc", pyhost.Beside: "beside", pyhost.Waiting: "wait",
}

// svg writes the picture and keeps the first error.
type svg struct {
	c   *chart
	w   io.Writer
	err error
}

func (s *svg) f(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

// writeSVG draws the numbers, an overview in which each row shows how a goroutine's time was
// spent, and a magnified piece of it with every hand-off.
func (c *chart) writeSVG(w io.Writer) error {
	s := svg{c: c, w: w}
	rows := c.rowsHeight()
	overview := headHeight + titleSkip
	zoom := overview + rows + axisHeight + panelGap + titleSkip
	height := zoom + rows + axisHeight + footHeight
	s.f(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" `+
		`role="img" font-family="system-ui,-apple-system,'Segoe UI',sans-serif">`+"\n",
		svgWidth, height, svgWidth, height)
	s.f("<title>Who held the GIL</title>\n<style>%s</style>\n", svgStyle)
	s.f(`<rect class="page" width="%d" height="%d"/>`+"\n", svgWidth, height)
	s.head()
	magnified := c.zoom()
	s.lens(magnified, overview, zoom, rows)
	s.overview(overview)
	s.magnified(magnified, zoom)
	s.foot(height - footHeight)
	s.f("</svg>\n")
	return s.err
}

// rowY is the top of a row in its panel.
func (c *chart) rowY(i int) int {
	gaps := 0
	for k := 1; k <= i; k++ {
		if c.lanes[k].group != c.lanes[k-1].group {
			gaps++
		}
	}
	return i*(rowHeight+rowGap) + gaps*groupGap
}

func (c *chart) rowsHeight() int {
	if len(c.lanes) == 0 {
		return 0
	}
	return c.rowY(len(c.lanes)-1) + rowHeight
}

func (s *svg) text(class string, x, y float64, text string) {
	s.f(`<text class="%s" x="%s" y="%s">%s</text>`+"\n", class, num(x), num(y),
		html.EscapeString(text))
}

func (s *svg) head() {
	subtitle := fmt.Sprintf("%d goroutines in %s", len(s.c.lanes), short(s.c.sum.Wall))
	if s.c.python != "" {
		subtitle = "CPython " + s.c.python + " · " + subtitle
	}
	s.text("title", margin, 50, "Who held the GIL")
	s.text("soft", margin, 74, subtitle)
	x := 0.0
	for _, f := range s.c.facts() {
		s.text("number", margin+x, 120, f.value)
		s.text("name", margin+x, 141, f.name)
		s.text("small soft", margin+x, 159, f.note)
		x += (svgWidth - 2*margin) / 5.0
	}
	s.legend()
}

func (s *svg) legend() {
	x, y := svgWidth-margin-548.0, 45.0
	for _, k := range []struct {
		state pyhost.SpanState
		text  string
		width float64
	}{
		{pyhost.Holding, "holds the GIL", 118},
		{pyhost.Beside, "let it go: in C, beside others", 204},
		{pyhost.InC, "in C, perhaps with it", 154},
		{pyhost.Waiting, "waits", 0},
	} {
		top, h := inRow(k.state)
		scale := 0.7
		s.f(`<rect class="%s" x="%s" y="%s" width="14" height="%s"/>`+"\n", classes[k.state],
			num(x), num(y-12+scale*top), num(scale*h))
		s.text("small", x+19, y, k.text)
		x += k.width
	}
}

// lens marks the piece of the overview that the second panel magnifies.
func (s *svg) lens(w window, overview, zoom, rows int) {
	if s.c.sum.Wall <= 0 {
		return
	}
	a, b := xIn(s.c.whole(), w.from), xIn(s.c.whole(), w.to)
	b = max(b, a+2)
	top, bottom := overview-6, overview+rows+axisHeight
	s.f(`<path class="lens" d="M%s %dH%sV%dL%d %dH%dL%s %dZ"/>`+"\n", num(a), top, num(b), bottom,
		plotX+plotWidth, zoom-6, plotX, num(a), bottom)
}

func (s *svg) labels(title, note string, y int) {
	s.text("panel", margin, float64(y-titleSkip+22), title)
	s.text("soft end", svgWidth-margin, float64(y-titleSkip+22), note)
	for i, l := range s.c.lanes {
		s.text("label", plotX-10, float64(y+s.c.rowY(i))+14.5, l.label)
	}
}

// overview draws each row as columns in which the states are stacked by their share of the time.
func (s *svg) overview(y int) {
	s.labels("All of it", "the height of a colour is its share of the time", y)
	for i, l := range s.c.lanes {
		top := y + s.c.rowY(i)
		s.f("<g><title>%s</title>\n", html.EscapeString(l.tooltip()))
		s.f(`<rect class="row" x="%d" y="%d" width="%d" height="%d"/>`+"\n",
			plotX, top, plotWidth, rowHeight)
		s.stack(l.cells(s.c.whole(), plotWidth/column), top)
		s.f("</g>\n")
	}
	s.axis(s.c.whole(), y)
}

func (l *lane) tooltip() string {
	return fmt.Sprintf("%s: held %s, beside %s, in C %s, waited %s (longest %s)", l.label,
		short(l.sum.Hold), short(l.sum.Beside), short(l.sum.InC), short(l.sum.Wait),
		short(l.sum.LongestWait))
}

// stack draws one path a state: what lies lower covers what lies higher.
func (s *svg) stack(cells []shares, top int) {
	below := make([]float64, len(cells))
	var paths []string
	for _, state := range []pyhost.SpanState{
		pyhost.Holding, pyhost.InC, pyhost.Beside, pyhost.Waiting,
	} {
		any := false
		for i := range cells {
			below[i] += cells[i][state]
			any = any || cells[i][state] > 0
		}
		if any {
			paths = append(paths, fmt.Sprintf(`<path class="%s" d="%s"/>`, "all "+classes[state],
				skyline(below, top)))
		}
	}
	for i := len(paths) - 1; i >= 0; i-- {
		s.f("%s\n", paths[i])
	}
}

// skyline is the outline of columns that stand side by side on a row's bottom.
func skyline(heights []float64, top int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %d", plotX, top+rowHeight)
	last := ""
	for i, h := range heights {
		y := num(float64(top) + rowHeight*(1-min(1, h)))
		if y != last {
			fmt.Fprintf(&b, "H%dV%s", plotX+i*column, y)
		}
		last = y
	}
	fmt.Fprintf(&b, "H%dV%dZ", plotX+len(heights)*column, top+rowHeight)
	return b.String()
}

// magnified draws each span, and each hand-off as a line from row to row.
func (s *svg) magnified(w window, y int) {
	s.labels(fmt.Sprintf("%s of it, after %s", short(w.length()), short(w.from)),
		fmt.Sprintf("%d hand-offs, a line each", len(s.c.within(w))), y)
	if w.length() <= 0 {
		return
	}
	shortest := least * float64(w.length()) / plotWidth
	for i, l := range s.c.lanes {
		top := y + s.c.rowY(i)
		s.f(`<rect class="row" x="%d" y="%d" width="%d" height="%d"/>`+"\n",
			plotX, top, plotWidth, rowHeight)
		for _, piece := range merged(l.clipped(w), time.Duration(shortest)) {
			s.piece(piece, w, float64(top))
		}
	}
	s.lines(w, y)
	s.axis(w, y)
}

// inRow is where in a row a state is drawn: the more it gets done, the more room it has.
func inRow(state pyhost.SpanState) (top, height float64) {
	switch state {
	case pyhost.Holding:
		return 0, rowHeight
	case pyhost.Waiting:
		return rowHeight/2 - 1.5, 3
	}
	return 4, rowHeight - 8
}

func (s *svg) piece(p piece, w window, y float64) {
	class := classes[p.State]
	if class == "" {
		return
	}
	x := xIn(w, p.Start)
	top, height := inRow(p.State)
	s.f(`<rect class="%s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`+"\n",
		class, num(x), num(y+top), num(max(least, xIn(w, p.End)-x)), num(height),
		html.EscapeString(p.text()))
}

// lines draws the hand-offs. Where they are too dense to tell apart, some stand for all.
func (s *svg) lines(w window, y int) {
	last := -1.0
	s.f(`<path class="line" d="`)
	for _, h := range s.c.within(w) {
		x := xIn(w, h.at)
		if x-last < 1 {
			continue
		}
		last = x
		from, to := s.c.rowY(h.from)+rowHeight/2, s.c.rowY(h.to)+rowHeight/2
		s.f("M%s %dV%d", num(x), y+from, y+to)
	}
	s.f(`"/>` + "\n")
}

func (s *svg) axis(w window, y int) {
	if w.length() <= 0 {
		return
	}
	bottom := y + s.c.rowsHeight()
	marks := ticks(w.length(), 12) // since the window's beginning
	s.f(`<path class="tick" d="`)
	for _, at := range marks {
		s.f("M%s %dV%d", num(xIn(w, w.from+at)), y-4, bottom+6)
	}
	s.f(`"/>` + "\n")
	for _, at := range marks {
		class := "axis"
		x := xIn(w, w.from+at)
		if x > plotX+plotWidth-20 {
			class = "axis end"
		}
		s.text(class, x, float64(bottom)+20, short(at))
	}
}

func (s *svg) foot(y int) {
	for i, text := range []string{
		"Recorded by pyhost, which sees a goroutine when a call begins and ends and when Python " +
			"code calls and returns.",
		"In C the GIL is known to be free once another goroutine is seen with it. When a C " +
			"function that let it go began to wait for it is estimated: " +
			"some of the end of a blue bar may be a wait.",
	} {
		s.text("small soft", margin, float64(y+40+18*i), text)
	}
}

// xIn is where a time lies in a panel that shows the window.
func xIn(w window, at time.Duration) float64 {
	return plotX + plotWidth*float64(at-w.from)/float64(w.length())
}

// num writes a length with as few digits as can be seen.
func num(v float64) string { return trimZero(v, 1) }
