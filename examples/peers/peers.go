package main

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// peer is one way to do the tasks: by a worker, in a process of this program's own, or by a program
// that measures itself.
type peer struct {
	name    string
	open    func(dir, python string) (worker, error)
	program func(b *bench, task string, rounds int) []string
	alone   bool   // it has no crowd
	missing string // why it cannot be had
}

// Set by gopython3.go, under its build tag.
var openGoPython3, openGoPython3Held, openBridge func(dir, python string) (worker, error)

// peers are all of them. The first is what the others are compared with.
func (b *bench) peers() []*peer {
	all := []*peer{
		{name: "pyhost", open: openLibrary},
		{name: "pyhost, GIL held", open: openLibraryHeld, alone: true},
		{name: "C", program: runLimit, alone: true, missing: b.buildLimit()},
		{name: "Python itself", program: runTiming, alone: true},
		{name: "go-python3, as documented", open: openGoPython3},
		{name: "go-python3, GIL held", open: openGoPython3Held, alone: true},
		{name: "go-python3 in gopython3.Do", open: openBridge},
		{name: "JSON lines by a pipe", open: openPipe},
		{name: "JSON by http.server", open: openHTTP},
		{name: "python3 for each call", open: openOnce, alone: true},
	}
	for _, p := range all {
		if p.open == nil && p.program == nil {
			p.missing = "not built with the tag gopython3: see make bench-peers"
		}
	}
	return all
}

func runTiming(b *bench, task string, rounds int) []string {
	return []string{b.python, filepath.Join(b.dir, "timing.py"), task, strconv.Itoa(rounds)}
}

func runLimit(b *bench, task string, rounds int) []string {
	return []string{filepath.Join(b.dir, "limit"), b.dir, task, strconv.Itoa(rounds)}
}

// buildLimit says why it could not.
func (b *bench) buildLimit() string {
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "python3-embed").Output()
	if err != nil {
		return "pkg-config finds no python3-embed"
	}
	args := append([]string{"-O2", "-o", filepath.Join(b.dir, "limit"),
		filepath.Join(b.dir, "limit.c")}, strings.Fields(string(flags))...)
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
