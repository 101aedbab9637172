package main

import (
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
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
	return b.compile("limit", strings.Fields(string(flags))...)
}

func (b *bench) compile(name string, flags ...string) (failed string) {
	args := append([]string{"-O2", "-o", b.file(name), b.file(name + ".c")}, flags...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return "cc: " + firstLine(string(out), err)
	}
	return ""
}

// inLibpython runs pools.py in libpython, by a program in C.
func inLibpython(b *bench, j job) []string {
	return append([]string{"env", "PYTHONHOME=" + b.found.Prefix, b.file("python"),
		b.found.Libpython}, runPool("PythonItself")(b, j)[1:]...)
}

func (b *bench) needsLibpython() string {
	var err error
	if b.found, err = pyhost.Locate(ctx, b.poolPython); err != nil {
		return err.Error()
	}
	return b.compile("python", "-ldl")
}

func firstLine(text string, err error) string {
	if line, _, _ := strings.Cut(strings.TrimSpace(text), "\n"); line != "" {
		return line
	}
	return err.Error()
}
