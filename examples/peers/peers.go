package main

import (
	"os"
	"strconv"
)

// job is a measurement: how often a peer does a task, and with how many workers or goroutines.
type job struct {
	peer, task   string
	rounds, size int
}

// peer is one way to do the tasks: by a worker, in a process of this program's own, or by a program
// that measures itself.
type peer struct {
	name    string
	beside  string // whom it is compared with
	open    func(b *bench) (worker, error)
	pool    func(b *bench, size int) (start func() (pool, error), err error)
	also    func(b *bench, rounds int) (seconds float64, err error) // on top of program's
	program func(b *bench, j job) []string
	tagged  bool     // in the program that was built with the tag gopython3
	alone   bool     // it has no crowd
	single  bool     // it has only the first size of a sweep
	lacks   []string // tasks that it does not have
	needs   func(b *bench) (missing string)
	missing string // why it cannot be had
}

const library = "pyhost"

// Set by gopython3.go, under its build tag.
var openGoPython3, openGoPython3Held, openBridge func(b *bench) (worker, error)

// callers are the peers of the single calls.
func callers() []*peer {
	limit, tagged, flask := (*bench).buildLimit, (*bench).needsTagged, (*bench).installFlask
	return []*peer{
		{name: library, open: openLibrary},
		{name: "pyhost, GIL held", open: openLibraryHeld, alone: true},
		{name: "C, GIL held", program: runLimit("held"), alone: true, needs: limit},
		{name: "C that attaches, and a crossing", program: runLimit("attach"), also: crossings,
			alone: true, needs: limit},
		{name: "Python itself", program: runTiming, alone: true},
		{name: "go-python3, as documented", open: openGoPython3, tagged: true, needs: tagged},
		{name: "go-python3, GIL held", open: openGoPython3Held, tagged: true, needs: tagged,
			alone: true},
		{name: "go-python3 in gopython3.Do", open: openBridge, tagged: true, needs: tagged},
		{name: "process.Runtime", open: openProcess},
		{name: "JSON lines by a pipe", open: openPipe},
		{name: "JSON by http.server", open: openHTTP},
		{name: "JSON by Flask", open: openFlask, needs: flask},
		{name: "python3 for each call", open: openOnce, alone: true},
	}
}

// look finds out which of the peers cannot be had, and builds what they need.
func (b *bench) look(peers []*peer) []*peer {
	for _, p := range peers {
		if p.needs != nil {
			p.missing = p.needs(b)
		}
	}
	return peers
}

func (b *bench) needsTagged() string {
	if b.gopython3 == "" {
		return "not built with the tag gopython3: see make bench-peers"
	}
	return ""
}

func runTiming(b *bench, j job) []string {
	return []string{b.python, b.file("timing.py"), j.task, strconv.Itoa(j.rounds)}
}

// file is one of those that were unpacked or built.
func (b *bench) file(name string) string { return b.dir + "/" + name }

// command is what measures.
func (b *bench) command(p *peer, j job) ([]string, error) {
	if p.program != nil && p.also == nil {
		return p.program(b, j), nil
	}
	self, err := os.Executable()
	if p.tagged {
		self = b.gopython3
	}
	return []string{self, "-peer", p.name, "-task", j.task, "-rounds", strconv.Itoa(j.rounds),
		"-size", strconv.Itoa(j.size), "-dir", b.dir, "-python", b.python,
		"-pool-python", b.poolPython, "-long", b.long.String()}, err
}
