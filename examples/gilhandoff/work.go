package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"golang.org/x/sync/errgroup"
)

//go:embed work.py
var workSource string

const (
	batch       = 8 // files that are compressed together
	diskLatency = 4 * time.Millisecond
)

// group is a number of goroutines that do the same. They deal the files out among themselves.
type group struct {
	name string
	does string
	work func(ctx context.Context, i int) error // does the i-th piece of work
	next atomic.Int64                           // the number of the next piece
	done atomic.Int64                           // files done
}

// load is all that the goroutines have to do.
type load struct {
	rt     *pyhost.Runtime
	files  []string
	n      int // goroutines a group
	groups []*group
	took   time.Duration

	interrupted bool // before all was done

	mu     sync.Mutex
	tokens map[string]int // guarded by mu

	read, packedFrom, packedTo atomic.Int64 // bytes
}

func newLoad(rt *pyhost.Runtime, files []string, n int) *load {
	l := &load{rt: rt, files: files, n: n, tokens: map[string]int{}}
	l.groups = []*group{
		{name: "tokenise", does: "plain Python, holds the GIL", work: l.tokenise},
		{name: "compress", does: "zlib and hashlib, let the GIL go", work: l.compress},
		{name: "read", does: "a disk of 4 ms latency (a sleep), lets it go", work: l.readFile},
	}
	return l
}

func (l *load) groupNames() []string {
	var names []string
	for _, g := range l.groups {
		names = append(names, g.name)
	}
	return names
}

// run ends when every file is tokenised. Until then the other groups go through the files again
// and again, so that there is the same company from the beginning to the end.
func (l *load) run(ctx context.Context) error {
	start := time.Now()
	defer func() { l.took = time.Since(start) }()
	var enough atomic.Bool
	scan := func(i int) bool { return i < len(l.files) }
	again := func(int) bool { return !enough.Load() }

	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		defer enough.Store(true)
		return l.start(ctx, l.groups[0], scan)
	})
	for _, g := range l.groups[1:] {
		all.Go(func() error { return l.start(ctx, g, again) })
	}
	return all.Wait()
}

// start runs the group's goroutines, each with a label by which the recorder calls its lane.
func (l *load) start(ctx context.Context, g *group, more func(i int) bool) error {
	all, ctx := errgroup.WithContext(ctx)
	for i := range l.n {
		label := pprof.Labels("goroutine", fmt.Sprintf("%s %d", g.name, i+1))
		all.Go(func() (err error) {
			pprof.Do(ctx, label, func(ctx context.Context) { err = g.loop(ctx, more) })
			return err
		})
	}
	return all.Wait()
}

func (g *group) loop(ctx context.Context, more func(i int) bool) error {
	for {
		i := int(g.next.Add(1) - 1)
		if ctx.Err() != nil || !more(i) {
			return ctx.Err()
		}
		if err := g.work(ctx, i); err != nil {
			return err
		}
	}
}

func (l *load) file(i int) string { return l.files[i%len(l.files)] }

func (l *load) tokenise(ctx context.Context, i int) error {
	source, err := os.ReadFile(l.file(i))
	if err != nil {
		return err
	}
	var counts map[string]int
	if err := l.rt.Call(ctx, "tokenise", &counts, string(source)); err != nil {
		return err
	}
	l.groups[0].done.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind, n := range counts {
		l.tokens[kind] += n
	}
	return nil
}

func (l *load) compress(ctx context.Context, i int) error {
	files := make([]string, batch)
	for k := range files {
		files[k] = l.file(i*batch + k)
	}
	var out struct {
		Bytes  int64  `py:"bytes"`
		Packed int64  `py:"packed"`
		SHA256 string `py:"sha256"`
	}
	if err := l.rt.Call(ctx, "compress", &out, files); err != nil {
		return err
	}
	l.groups[1].done.Add(batch)
	l.packedFrom.Add(out.Bytes)
	l.packedTo.Add(out.Packed)
	return nil
}

func (l *load) readFile(ctx context.Context, i int) error {
	var size int64
	if err := l.rt.Call(ctx, "read", &size, l.file(i), diskLatency.Seconds()); err != nil {
		return err
	}
	l.groups[2].done.Add(1)
	l.read.Add(size)
	return nil
}
