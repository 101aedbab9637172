package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	barHeight, gap    = 16, 6
	labelEnd, plotEnd = 290, 720
	valueEnd          = 820
)

// chart draws a bar for each peer and task, on a logarithmic scale, with the line at 1.
func (t *table) chart() string {
	low, high := 1.0, 1.0
	for _, p := range t.peers {
		for _, column := range t.columns {
			if x, ok := t.ratio(p, column); ok {
				low, high = min(low, x.least), max(high, x.most)
			}
		}
	}
	low, high = math.Floor(math.Log10(low)), math.Ceil(math.Log10(high*1.01))
	x := func(v float64) float64 {
		return labelEnd + (math.Log10(v)-low)/(high-low)*(plotEnd-labelEnd)
	}
	var grid, out strings.Builder // bars lie on top of the grid
	y := 40
	fmt.Fprintf(&out, "<text class='head' x='8' y='18'>%s</text>\n", escape(t.title))
	fmt.Fprintf(&out, "<text class='unit' x='8' y='34'>%s</text>\n", escape(t.caption))
	for _, column := range t.columns {
		y += 18
		fmt.Fprintf(&out, "<text class='head' x='8' y='%d'>%s</text>\n", y, escape(column.what))
		y += gap
		for _, p := range t.peers {
			if ratio, ok := t.ratio(p, column); ok && p.name != library {
				bar(&out, x, y, p.label(), ratio)
				y += barHeight + gap
			}
		}
	}
	for e := low; e <= high; e++ {
		value := math.Pow(10, e)
		at := x(value)
		fmt.Fprintf(&grid, "<line x1='%.1f' x2='%.1f' y1='44' y2='%d'/>\n", at, at, y)
		fmt.Fprintf(&grid, "<text class='tick' x='%.1f' y='%d'>%s</text>\n", at, y+14, plain(value))
	}
	height := y + 24
	return fmt.Sprintf(frame, valueEnd, height, valueEnd, height, escape(t.caption),
		grid.String()+out.String())
}

var escape = html.EscapeString

func bar(out *strings.Builder, x func(float64) float64, y int, name string, r ratio) {
	from, to := min(x(1), x(r.median)), max(x(1), x(r.median))
	class, middle := "slower", y+barHeight/2
	if r.median < 1 {
		class = "faster"
	}
	fmt.Fprintf(out, "<text class='name' x='%d' y='%d'>%s</text>\n", labelEnd-8, middle+4,
		escape(name))
	fmt.Fprintf(out, "<rect class='%s' x='%.1f' y='%d' width='%.1f' height='%d'/>\n", class,
		from, y, max(to-from, 1), barHeight)
	fmt.Fprintf(out, "<line class='spread' x1='%.1f' x2='%.1f' y1='%d' y2='%d'/>\n", x(r.least),
		x(r.most), middle, middle)
	fmt.Fprintf(out, "<text x='%.1f' y='%d'>%s</text>\n", max(x(r.most), to)+6, middle+4,
		digits(r.median))
}

const frame = `<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d'>
<title>%s</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.head { font-weight: 600 }
.name { text-anchor: end }
.tick { text-anchor: middle; fill: #777 }
line { stroke: #ccc }
.spread { stroke: #222 }
.slower { fill: #9ab }
.faster { fill: #e96 }
.unit { fill: #777 }
polyline { fill: none; stroke-width: 2 }
.lead { stroke-dasharray: 2 3 }
</style>
<rect width='100%%' height='100%%' fill='#fff'/>
%s</svg>
`
