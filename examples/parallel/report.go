package main

import (
	"fmt"
	"html"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

const barLength = 40

// report prints the table, and checks that every way has found the same.
func (b *bench) report(w io.Writer) error {
	fmt.Fprintf(w, "%-18s %9s %9s %9s\n", "", "time", "speed-up", "memory")
	for _, x := range b.ways {
		if x.why != "" {
			fmt.Fprintf(w, "%-18s %s\n", x.name, x.why)
			continue
		}
		if !maps.Equal(x.nodes, b.ways[0].nodes) {
			return fmt.Errorf("%s has counted other nodes than %s", x.name, b.ways[0].name)
		}
		bar := strings.Repeat("█", max(1, int(barLength*x.took/b.slowest())))
		fmt.Fprintf(w, "%-18s %9s %8.2fx %6d MB  %s\n", x.name, x.took.Round(time.Millisecond),
			b.speedUp(x), x.memory>>20, bar)
	}
	nodes := b.ways[0].nodes
	more := func(x, y string) int { return nodes[y] - nodes[x] }
	kinds := slices.SortedFunc(maps.Keys(nodes), more)
	fmt.Fprint(w, "\nmost often:")
	for _, kind := range kinds[:min(6, len(kinds))] {
		fmt.Fprintf(w, " %s %d", kind, nodes[kind])
	}
	fmt.Fprintln(w)
	return nil
}

func (b *bench) speedUp(x way) float64 { return float64(b.alone()) / float64(x.took) }

// cut leaves so many characters of a text.
func cut(text string, most int) string {
	if all := []rune(text); len(all) > most {
		return string(all[:most-1]) + "…"
	}
	return text
}

// draw writes the bars as a picture.
func (b *bench) draw(w io.Writer) {
	const width, row, left, most = 800, 36, 150, 420
	height := row*len(b.ways) + 56
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" `+
		`height="%d" font-family="system-ui,sans-serif" font-size="13">`+"\n",
		width, height, width, height)
	fmt.Fprintf(w, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	fmt.Fprintf(w, `<text x="16" y="28" font-size="16" font-weight="600" fill="#1a1a2e">`+
		"%d files tokenised and parsed, %d workers</text>\n", len(b.paths), b.workers)
	for i, x := range b.ways {
		y := 48 + row*i
		fmt.Fprintf(w, `<text x="16" y="%d" fill="#1a1a2e">%s</text>`+"\n", y+18,
			html.EscapeString(x.name))
		if x.why != "" {
			fmt.Fprintf(w, `<text x="%d" y="%d" fill="#666"><title>%s</title>%s</text>`+"\n", left,
				y+18, html.EscapeString(x.why), html.EscapeString(cut(x.why, (width-left)/8)))
			continue
		}
		length := int(most * x.took / b.slowest())
		fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="22" rx="3" fill="#4666c8"/>`+"\n",
			left, y+2, max(1, length))
		fmt.Fprintf(w, `<text x="%d" y="%d" fill="#1a1a2e">%s, %.2fx, %d MB</text>`+"\n",
			left+length+8, y+18, x.took.Round(time.Millisecond), b.speedUp(x), x.memory>>20)
	}
	fmt.Fprintln(w, "</svg>")
}
