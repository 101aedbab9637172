package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The plot's edges; the names of the lines are to its right.
const (
	plotLeft, plotRight = 84, 570
	plotTop, plotBottom = 44, 380
	linesWidth          = 800
	linesHeight         = 430
	nameHeight          = 16
)

var colours = []string{"#d1495b", "#00798c", "#edae49", "#30638e", "#8a5fbf", "#4f9d69", "#8d6e63",
	"#555", "#b08"}

// axis maps values to places in the picture.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// ticks are powers of ten, or round numbers.
func (a axis) ticks() (all []float64) {
	if a.log {
		for v := a.low; v <= a.high*1.01; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high/3)))
	for _, more := range []float64{2, 2.5} {
		if a.high/step > 8 {
			step *= more
		}
	}
	for v := a.low; v <= a.high*1.001; v += step {
		all = append(all, v)
	}
	return all
}

// axes span the points.
func (c *curve) axes() (x, y axis) {
	low, high := math.Inf(1), 0.0
	for _, l := range c.lines {
		for _, r := range l.points {
			low, high = min(low, r.least), max(high, r.most)
		}
	}
	most := float64(c.at[len(c.at)-1])
	x = axis{0, most, plotLeft, plotRight, c.log}
	y = axis{0, high * 1.08, plotBottom, plotTop, c.log}
	if c.log {
		x.low = float64(c.at[0])
		y.low, y.high = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10,
			math.Ceil(math.Log10(high)))
	}
	return x, y
}

func (c *curve) chart() string {
	var out strings.Builder
	if len(c.lines) == 0 {
		return fmt.Sprintf(frame, linesWidth, 40, linesWidth, 40, escape(c.title), "")
	}
	x, y := c.axes()
	fmt.Fprintf(&out, "<text class='head' x='8' y='18'>%s</text>\n", escape(c.title))
	fmt.Fprintf(&out, "<text class='unit' x='8' y='34'>%s</text>\n", escape(c.y))
	for _, v := range y.ticks() {
		fmt.Fprintf(&out, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>\n", plotLeft, plotRight,
			y.at(v), y.at(v))
		fmt.Fprintf(&out, "<text class='name' x='%d' y='%.1f'>%s</text>\n", plotLeft-6, y.at(v)+4,
			plain(v))
	}
	for _, v := range c.at {
		fmt.Fprintf(&out, "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d'/>\n", x.at(float64(v)),
			x.at(float64(v)), plotBottom, plotBottom+4)
		fmt.Fprintf(&out, "<text class='tick' x='%.1f' y='%d'>%s</text>\n", x.at(float64(v)),
			plotBottom+18, plain(float64(v)))
	}
	fmt.Fprintf(&out, "<text class='unit' x='%d' y='%d' text-anchor='end'>%s</text>\n", plotRight,
		plotBottom+36, escape(c.x))
	names := c.names(y)
	for i, l := range c.lines {
		l.draw(&out, c.at, x, y, colours[i%len(colours)], names[i])
	}
	return fmt.Sprintf(frame, linesWidth, linesHeight, linesWidth, linesHeight, escape(c.title),
		out.String())
}

// plain writes no exponent; long numbers have commas.
func plain(v float64) string {
	text := strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
	for i := len(text) - 3; v >= 1000 && i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// names gives each line's name a height of its own, in the order of the lines' ends.
func (c *curve) names(y axis) []float64 {
	order := make([]int, len(c.lines))
	ends := make([]float64, len(c.lines))
	for i, l := range c.lines {
		order[i] = i
		last, _ := l.last(c.at)
		ends[i] = y.at(l.points[last].median)
	}
	slices.SortFunc(order, func(a, b int) int { return int(ends[a]*10 - ends[b]*10) })
	for i, at := range order {
		if i > 0 {
			ends[at] = max(ends[at], ends[order[i-1]]+nameHeight)
		}
	}
	for i, room := len(order)-1, float64(plotBottom); i >= 0; i, room = i-1, room-nameHeight {
		ends[order[i]] = min(ends[order[i]], room)
	}
	return ends
}

// last is the largest size that the line has.
func (l line) last(at []int) (n int, ok bool) {
	for _, n := range slices.Backward(at) {
		if _, ok := l.points[n]; ok {
			return n, true
		}
	}
	return 0, false
}

func (l line) draw(out *strings.Builder, at []int, x, y axis, colour string, name float64) {
	var path []string
	for _, n := range at {
		if r, ok := l.points[n]; ok {
			px, py := x.at(float64(n)), y.at(r.median)
			path = append(path, fmt.Sprintf("%.1f,%.1f", px, py))
			fmt.Fprintf(out, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' style='stroke:%s'/>\n",
				px, px, y.at(r.least), y.at(r.most), colour)
			fmt.Fprintf(out, "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>\n", px, py, colour)
		}
	}
	fmt.Fprintf(out, "<polyline points='%s' stroke='%s'/>\n", strings.Join(path, " "), colour)
	n, _ := l.last(at)
	fmt.Fprintf(out, "<line class='lead' x1='%.1f' y1='%.1f' x2='%d' y2='%.1f'/>\n",
		x.at(float64(n))+4, y.at(l.points[n].median), plotRight+20, name)
	fmt.Fprintf(out, "<text x='%d' y='%.1f' style='fill:%s'>%s</text>\n", plotRight+24, name+4,
		colour, escape(l.name))
}
