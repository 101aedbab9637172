package main

import (
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/pyhost/pyhost/cgo"
)

// runLimit is the same work in C: with the GIL held all along, or attached anew for each round.
func runLimit(how string) func(*bench, job) []string {
	return func(b *bench, j job) []string {
		return []string{b.file("limit"), b.dir, j.task, strconv.Itoa(j.rounds), how}
	}
}

// crossings is what no way from Go to C can do without.
func crossings(_ *bench, rounds int) (float64, error) {
	from := time.Now()
	for range rounds {
		cgo.Empty()
	}
	return time.Since(from).Seconds(), nil
}

// buildLimit says why it could not. It builds once.
func (b *bench) buildLimit() string {
	if b.limit != nil {
		return *b.limit
	}
	why := b.compileLimit()
	b.limit = &why
	return why
}

func (b *bench) compileLimit() string {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "python3-embed").Output()
	if err != nil {
		return "pkg-config finds no python3-embed"
	}
	args := append([]string{"-O2", "-o", b.file("limit"), b.file("limit.c")},
		strings.Fields(string(flags))...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return "cc: " + firstLine(string(out), err)
	}
	return ""
}

func firstLine(text string, err error) string {
	if line, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); line != "" {
		return line
	}
	return err.Error()
}
