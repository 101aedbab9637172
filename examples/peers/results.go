package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// results are a whole comparison.
type results struct {
	machine string
	tables  []*table
	curves  []*curve
	missing []string
	failed  []string
}

// grid is a table as it is printed.
type grid struct {
	title, caption, picture, closing string
	rows                             [][]string
	legend                           []task
}

func (r *results) grids() (all []grid) {
	for _, t := range r.tables {
		all = append(all, grid{t.title, t.caption, t.file, t.closing, t.rows(), t.columns})
	}
	for _, c := range r.curves {
		all = append(all, grid{title: c.title, caption: c.caption, picture: c.file,
			rows: c.rows()})
	}
	return all
}

func (c *curve) rows() [][]string {
	head := []string{c.x}
	for _, n := range c.at {
		head = append(head, fmt.Sprint(n))
	}
	rows := [][]string{head}
	for _, l := range c.lines {
		row := []string{l.name}
		for _, n := range c.at {
			text := "–"
			if x, ok := l.points[n]; ok {
				text = x.String()
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *results) text() string {
	var out strings.Builder
	fmt.Fprintln(&out, r.machine)
	for _, g := range r.grids() {
		fmt.Fprintf(&out, "\n%s\n%s\n\n", g.title, g.caption)
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		for _, row := range g.rows {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		w.Flush()
	}
	fmt.Fprintln(&out)
	for _, note := range slices.Concat(r.missing, r.failed) {
		fmt.Fprintln(&out, note)
	}
	return out.String()
}

func (r *results) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# pyhost and its peers\n\n%s\n\n%s\n", r.machine, method)
	for _, g := range r.grids() {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n\n", g.title, g.caption)
		for i, row := range g.rows {
			fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(&out, "|%s\n", strings.Repeat(" --- |", len(row)))
			}
		}
		fmt.Fprintln(&out)
		for _, t := range g.legend {
			fmt.Fprintf(&out, "* %s: %s\n", t.name, t.what)
		}
		if g.closing != "" {
			fmt.Fprintf(&out, "\n%s\n\n", g.closing)
		}
		fmt.Fprintf(&out, "![%s](%s)\n", g.title, g.picture)
	}
	if len(r.missing)+len(r.failed) > 0 {
		fmt.Fprintf(&out, "\n## Missing and failed\n\n")
	}
	for _, note := range slices.Concat(r.missing, r.failed) {
		fmt.Fprintf(&out, "* %s\n", note)
	}
	return out.String()
}

const method = "All figures are ratios: the median of the runs, with the least and the most. A " +
	"run measures every peer in turn, each in a process of its own, and a ratio is of one run."

// write writes the tables and the pictures to a folder.
func (r *results) write(dir string) error {
	texts := map[string]string{"results.md": r.markdown()}
	for _, t := range r.tables {
		texts[t.file] = t.chart()
	}
	for _, c := range r.curves {
		texts[c.file] = c.chart()
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// note names the peers that cannot be had.
func (r *results) note(peers []*peer) {
	for _, p := range peers {
		if p.missing != "" {
			r.missing = append(r.missing, p.name+" is missing: "+p.missing)
		}
	}
}

// machine describes what it runs on.
func (b *bench) machine() string {
	cpu := "an unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if k, v, _ := strings.Cut(line, ":"); strings.TrimSpace(k) == "model name" {
				cpu = strings.TrimSpace(v)
			}
		}
	}
	load, _, _ := strings.Cut(readString("/proc/loadavg"), " ")
	return fmt.Sprintf("%d × %s; CPython %s for calls, %s for pools; %s; load before the run: %s.",
		cores, cpu, version(b.python), version(b.poolPython),
		strings.Replace(runtime.Version(), "go", "Go ", 1), load)
}

func readString(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "?"
	}
	return string(text)
}
