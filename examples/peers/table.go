package main

import (
	"fmt"
	"slices"
)

type cell struct{ peer, column string }

// figures are what was measured, run by run.
type figures map[cell][]float64

func (f figures) add(c cell, x float64) { f[c] = append(f[c], x) }

// ratio is that of two figures: the median of the runs, with the least and the most.
type ratio struct{ median, least, most float64 }

func (f figures) ratio(a, b cell) (ratio, bool) {
	over, under := f[a], f[b]
	n := min(len(over), len(under))
	if n == 0 {
		return ratio{}, false
	}
	all := make([]float64, n)
	for i := range n {
		all[i] = over[i] / under[i]
	}
	slices.Sort(all)
	return ratio{(all[n/2] + all[(n-1)/2]) / 2, all[0], all[n-1]}, true
}

func (r ratio) String() string {
	return fmt.Sprintf("%s (%s–%s)", digits(r.median), digits(r.least), digits(r.most))
}

func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 0.01:
		return fmt.Sprintf("%.2g", x)
	}
	return fmt.Sprintf("%.1g", x)
}

// table compares peers, in rows, by tasks, in columns.
type table struct {
	file, title, caption, closing string
	columns                       []task
	peers                         []*peer
	figures                       figures
}

func (t *table) ratio(p *peer, column task) (ratio, bool) {
	return t.figures.ratio(cell{p.name, column.name}, cell{p.besideWhom(), column.name})
}

func (p *peer) besideWhom() string {
	if p.beside == "" {
		return library
	}
	return p.beside
}

// compare measures the peers by each of the tasks.
func (b *bench) compare(t *table) (failed []string) {
	t.figures = figures{}
	for _, column := range t.columns {
		var all []turn
		for _, p := range t.peers {
			j := job{task: column.name, size: column.size, rounds: column.rounds}
			if p.missing != "" || p.without(column) {
				continue
			}
			if column.rounds == 0 {
				n, err := b.calibrate(p, j, max(1, column.crowd))
				if err != nil {
					failed = append(failed, turn{peer: p, job: j}.failure(err))
					continue
				}
				j.rounds = n
			}
			c := cell{p.name, column.name}
			all = append(all, turn{p, j, func(got []float64, err error) {
				if err != nil {
					delete(t.figures, c)
					return
				}
				t.figures.add(c, got[0]/float64(j.rounds))
			}})
		}
		failed = append(failed, b.turns(b.runs, all)...)
	}
	return failed
}

// without tells that the peer does not have the task.
func (p *peer) without(column task) bool {
	return column.rounds < 0 || p.alone && column.crowd > 0 ||
		slices.Contains(p.lacks, column.name)
}

func (p *peer) label() string {
	if p.beside == "" {
		return p.name
	}
	return p.name + " ÷ " + p.beside
}

func (t *table) rows() [][]string {
	head := []string{""}
	for _, column := range t.columns {
		head = append(head, column.name)
	}
	rows := [][]string{head}
	for _, p := range t.peers {
		if p.name == library {
			continue
		}
		row := []string{p.label()}
		for _, column := range t.columns {
			text := "–"
			if x, ok := t.ratio(p, column); ok {
				text = x.String()
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}
