package main

import "slices"

const callClosing = "C and Python itself do not leave their heap: what pyhost adds to C that " +
	"attaches, and to a crossing, is the lookup of the function, the queue before the GIL and " +
	"the values' copies in Go. Python's own copies of a list or dict copy references only. A " +
	"single string is one crossing for go-python3 too, so with the GIL held it is on a par there."

const poolClosing = "Python's executors hand each call to another thread or process; here the " +
	"caller's own thread runs it, but for process.Pool. Where they are ahead: a chunk of ints is " +
	"checked and copied to Go and back, which takes longer than abs; a thread's echo passes a " +
	"reference, while one to Go fills a new slice each time, and most of its time is Go's for " +
	"fresh memory and the collector: GOGC=400 halves it. What computes runs at the pace of " +
	"libpython, for pyhost and for a program in C alike; the executable of many Pythons is " +
	"linked statically and is faster."

// sections are the parts of the comparison, in their order.
var sections = []struct {
	name    string
	measure func(b *bench, r *results)
}{
	{"calls", (*bench).calls},
	{"pools", (*bench).pools},
	{"goroutines", (*bench).crowds},
	{"speedup", (*bench).speedUps},
	{"memory", (*bench).memories},
}

// all measures one section, or all of them.
func (b *bench) all(only string) *results {
	r := &results{machine: b.machine()}
	b.callers, b.poolers, b.alone = b.look(callers()), b.look(poolers()), b.look(alone())
	for _, s := range sections {
		if only == "" || only == s.name {
			s.measure(b, r)
		}
	}
	r.note(b.callers)
	r.note(b.poolers)
	r.note(b.alone)
	return r
}

func (b *bench) calls(r *results) {
	t := &table{file: "calls.svg", title: "Calls", closing: callClosing, peers: b.callers,
		columns: tasks, caption: "How many times as long, or as much memory, as pyhost. " +
			"Under 1 the peer is better."}
	for _, column := range tasks {
		if b.task == column.name {
			t.columns = []task{column}
		}
	}
	r.tables = append(r.tables, t)
	r.failed = append(r.failed, b.compare(t)...)
}

func (b *bench) pools(r *results) {
	t := &table{file: "pools.svg", title: "Pools", closing: poolClosing, columns: poolColumns,
		peers: slices.Concat(b.poolers, b.alone),
		caption: "How many times as long, or as much memory, as the one " +
			"that it is divided by. Under 1 the first is better."}
	r.tables = append(r.tables, t)
	r.failed = append(r.failed, b.compare(t)...)
}

func (b *bench) crowds(r *results) {
	at := sizes(b.goroutines, 1, 10, 100, 1000)
	crowd := without(b.callers, func(p *peer) bool { return p.alone })
	f, failed := b.sweep("goroutines", 0, b.callers[0], crowd, at)
	r.curves = append(r.curves, callRate(f, crowd, at), latency(f, crowd, at))
	r.failed = append(r.failed, failed...)
}

func (b *bench) speedUps(r *results) {
	at := workerCounts(b.workers)
	f, failed := b.sweep("compute", 24, b.alone[0], slices.Concat(b.alone, b.poolers), at)
	r.curves = append(r.curves, speedUp(f, b.alone, b.poolers, at))
	r.failed = append(r.failed, failed...)
}

func (b *bench) memories(r *results) {
	alone, at := b.alone[0], sizes(b.runtimes, 0, 1, 2, 5, 10, 20)
	heavy := without(b.poolers, func(p *peer) bool { return slices.Contains(p.lacks, "memory") })
	f, failed := b.sweep("memory", 0, nil, append([]*peer{alone}, heavy...), at)
	added := additions(f, heavy, at)
	r.curves = append(r.curves, memory(f, added, alone, heavy, at))
	r.failed = append(r.failed, failed...)
	for _, t := range r.tables {
		for _, p := range heavy {
			if t.file == "pools.svg" && slices.Contains(at, memoryAt) {
				t.figures[cell{p.name, "memory"}] = added[point(p.name, 0, memoryAt)]
			}
		}
	}
}

const memoryAt = 10 // workers of which the table tells what one weighs

func without(peers []*peer, which func(*peer) bool) []*peer {
	return slices.DeleteFunc(slices.Clone(peers), which)
}
