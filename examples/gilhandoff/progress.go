package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// showProgress tells how far the load is until the function that it returns is called: by one line
// that is written over on a terminal, by a line every interval elsewhere.
func showProgress(w *os.File, l *load, interval time.Duration) (stop func()) {
	start, end := "", "\n"
	if isTerminal(w) {
		start, end, interval = "\r\x1b[K", "", interval/10
	}
	show := func() { _, _ = io.WriteString(w, start+l.progress()+end) }
	quit := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for show(); ; show() {
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		shown.Wait()
		_, _ = io.WriteString(w, start)
	}
}

func (l *load) progress() string {
	var b strings.Builder
	for i, g := range l.groups {
		if i > 0 {
			b.WriteString(" · ")
		}
		fmt.Fprintf(&b, "%s %d", g.name, g.done.Load())
		if i == 0 {
			fmt.Fprintf(&b, "/%d", len(l.files))
		}
	}
	stats := l.rt.Stats()
	fmt.Fprintf(&b, " files | %d in Python, %d wait", stats.Inside, stats.Waiting)
	return b.String()
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
