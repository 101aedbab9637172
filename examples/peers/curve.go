package main

import "slices"

// curve is a chart of lines, and a table of the same.
type curve struct {
	file, title, caption string
	x, y                 string // what the axes show
	log                  bool   // both axes
	at                   []int
	lines                []line
}

type line struct {
	name   string
	points map[int]ratio // by size; none where the peer failed
}

// draw gives each peer a line of what value tells of it at a size.
func (c *curve) draw(peers []*peer, at []int, value func(p *peer, n int) (ratio, bool)) *curve {
	c.at = at
	for _, p := range peers {
		l := line{p.name, map[int]ratio{}}
		for _, n := range at {
			if x, ok := value(p, n); ok {
				l.points[n] = x
			}
		}
		if len(l.points) > 0 {
			c.lines = append(c.lines, l)
		}
	}
	return c
}

func callRate(f figures, peers []*peer, at []int) *curve {
	c := &curve{file: "rate.svg", title: "Calls a second", x: "goroutines", log: true,
		y:       "calls a second ÷ those of one goroutine on pyhost",
		caption: "Calls of `add(20, 22)` a second ÷ those of one goroutine on pyhost."}
	return c.draw(peers, at, func(p *peer, n int) (ratio, bool) {
		return f.ratio(point(p.name, compared, n), point(p.name, secondsACall, n))
	})
}

func latency(f figures, peers []*peer, at []int) *curve {
	c := &curve{file: "latency.svg", title: "99th percentile of a call's time", x: "goroutines",
		log: true, y: "p99 ÷ the mean of one goroutine on pyhost",
		caption: "The 99th percentile of what a call takes, waiting included ÷ the mean of one " +
			"goroutine on pyhost. Goroutines call without a pause."}
	return c.draw(peers, at, func(p *peer, n int) (ratio, bool) {
		return f.ratio(point(p.name, p99, n), point(p.name, compared, n))
	})
}

// speedUp is against the fastest way to run one loop after the other.
func speedUp(f figures, alone, peers []*peer, at []int) *curve {
	c := &curve{file: "speedup.svg", title: "Pure Python that computes", x: "workers",
		y: "how many times as fast as Python itself, one loop after the other",
		caption: "How many times as fast as Python itself, one loop after the other. Python in " +
			"libpython is Python as any program embeds it."}
	return c.draw(slices.Concat(peers, alone), at, func(p *peer, n int) (ratio, bool) {
		return f.ratio(point(p.name, compared, n), point(p.name, secondsACall, n))
	})
}

// additions are what workers add to a program that has none.
func additions(f figures, peers []*peer, at []int) figures {
	added := figures{}
	for _, p := range peers {
		without := f[point(p.name, 0, 0)]
		for _, n := range at[1:] {
			with := f[point(p.name, 0, n)]
			for i := range min(len(with), len(without)) {
				added.add(point(p.name, 0, n), with[i]-without[i])
			}
		}
	}
	return added
}

func memory(f, added figures, alone *peer, peers []*peer, at []int) *curve {
	added[point(alone.name, 0, 0)] = f[point(alone.name, 0, 0)]
	c := &curve{file: "memory.svg", title: "Memory", x: "workers",
		y: "memory that they add ÷ a python that does nothing",
		caption: "What workers add ÷ the memory of a python that does nothing. What processes " +
			"share counts once (PSS)."}
	return c.draw(peers, at[1:], func(p *peer, n int) (ratio, bool) {
		return added.ratio(point(p.name, 0, n), point(alone.name, 0, 0))
	})
}
