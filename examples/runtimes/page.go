//go:build linux

package main

import (
	_ "embed"
	"html/template"
	"io"
	"math"
	"runtime"
	"time"
)

//go:embed page.html
var pageText string

// write writes the table as a page, which needs no other file.
func (r *report) write(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"span": span, "size": size, "bar": bar,
	}).Parse(pageText)
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"Python": r.Python, "Pid": r.Pid, "Cores": runtime.NumCPU(), "Costs": r.Costs,
		"Measured": r.measured(), "Missing": r.missing(), "Width": len(r.measured()) + 1,
		"Sections": sections, "Shared": r.Shared, "Busy": r.Busy,
	})
}

// bar is the length of a bar in percent: 0.1 µs is nothing, 100 ms all of it.
func bar(c cost) float64 {
	const least, most = 100 * time.Nanosecond, 100 * time.Millisecond
	x := math.Log(float64(c.Time)/float64(least)) / math.Log(float64(most)/float64(least))
	return min(max(x, 0), 1) * 100
}
