package main

import (
	"fmt"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// piece is what is drawn as one: a span, or several that are too short to be seen each.
type piece struct {
	pyhost.Span
	spans int
	mix   shares // how long each state lasted, in ns
}

// merged joins spans shorter than least with their neighbours until they make up a visible length.
// Such a piece has the state that lasted longest in it. The spans are those of one lane, in order.
func merged(spans []pyhost.Span, least time.Duration) []piece {
	var out []piece
	var crumbs piece
	flush := func() {
		if crumbs.spans > 0 {
			out = append(out, crumbs)
		}
		crumbs = piece{}
	}
	for _, s := range spans {
		long := s.End-s.Start >= least
		if long || crumbs.spans > 0 && s.Start-crumbs.End >= least {
			flush()
		}
		crumbs.add(s)
		if long || crumbs.End-crumbs.Start >= least {
			flush()
		}
	}
	flush()
	return out
}

func (p *piece) add(s pyhost.Span) {
	if p.spans == 0 {
		p.Span = s
	}
	p.spans++
	p.End = s.End
	p.mix[s.State] += float64(s.End - s.Start)
	if p.mix[s.State] > p.mix[p.State] {
		p.State, p.Name = s.State, s.Name
	}
}

var tooltips = map[pyhost.SpanState]string{
	pyhost.Waiting: "waits for the GIL",
	pyhost.Holding: "holds the GIL",
	pyhost.InC:     "in C, perhaps with the GIL",
	pyhost.Beside:  "in C, beside others",
}

func (p *piece) text() string {
	text := tooltips[p.State]
	if p.Name != "" {
		text = p.Name + ": " + text
	}
	if p.spans > 1 {
		text = fmt.Sprintf("mostly %s (%d spans)", text, p.spans)
	}
	return fmt.Sprintf("%s, %s", text, short(p.End-p.Start))
}
