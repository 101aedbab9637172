//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/isolation"
	"github.com/pyhost/pyhost/pyhost/shm"
)

// column is what was measured of a kind, by two users A and B.
type column struct {
	Title   string
	Missing string // why it was not measured
	Python  string
	NoGIL   bool

	Pids         [2]int
	Threads      [2]int // of the OS, in calls at the same time
	Interpreters [2]int64

	Overlap bool    // both computed at once, though none lets the GIL go
	Speed   float64 // how many times the work is done in the time that one needs alone

	WriteSeen  bool // B sees what A has put into an object of its module
	SameObject bool // that object has one identity
	SameMemory bool // B finds at an address what A has put there
	Blocks     int  // that B counts more when A has made objects
	Bytes      int64
	Found      [2]int64 // in shared memory
	Crash      crash
}

const (
	objects = 200_000
	magic   = 1<<62 - 1
)

// measure fills the column but for the crash, which takes a program of its own.
func (k kind) measure(ctx context.Context, main *pyhost.Runtime, seg *shm.Segment,
	at int) (*column, error) {
	c := &column{Title: k.title}
	p, err := k.start(ctx, main)
	if err != nil {
		c.Missing = short(err)
		return c, ctx.Err()
	}
	defer p.Close()
	python := p.a.Info().Python
	c.Python, c.NoGIL = python.Version, python.FreeThreaded
	for _, step := range []func(context.Context, *pair) error{
		c.places, c.gil, c.speed, c.objects, c.memory, c.heap,
	} {
		if err := step(ctx, p); err != nil {
			return nil, fmt.Errorf("%s: %w", k.title, err)
		}
	}
	return c, c.relay(ctx, p, seg, at)
}

func (c *column) places(ctx context.Context, p *pair) (err error) {
	c.Pids, err = together[int](ctx, p, "os.getpid")
	c.Interpreters = [2]int64{p.a.Info().Interpreter, p.b.Info().Interpreter}
	return err
}

// gil has both compute for a while, in which who holds a GIL need not let it go: where it is one
// the other begins when the first has ended. Where there are two they overlap, unless the machine
// is so busy that it runs them one after the other: so it tries again.
func (c *column) gil(ctx context.Context, p *pair) error {
	defer together[any](context.WithoutCancel(ctx), p, "switch", 0.005) //nolint:errcheck // it can
	if _, err := together[any](ctx, p, "switch", 100); err != nil {
		return err
	}
	for try := 0; try < 5 && !c.Overlap; try++ {
		spun, err := together[[3]float64](ctx, p, "spin", 0.05*float64(try+1))
		if err != nil {
			return err
		}
		a, b := spun[0], spun[1]
		c.Overlap = max(a[0], b[0]) < min(a[1], b[1])
		c.Threads = [2]int{int(a[2]), int(b[2])}
	}
	return nil
}

// speed takes the median of some rounds.
func (c *column) speed(ctx context.Context, p *pair) error {
	const rounds = 11
	var speeds []float64
	for range rounds {
		alone, err := work(ctx, p.a)
		if err != nil {
			return err
		}
		both, err := work(ctx, p.a, p.b)
		if err != nil {
			return err
		}
		speeds = append(speeds, 2*alone/both)
	}
	slices.Sort(speeds)
	c.Speed = speeds[rounds/2]
	return nil
}

// work has users compute, all at once. The seconds until the later one is done, but for those in
// which it waited for a core. The clock is Go's and begins before the calls: in Python it would be
// read with the GIL held, and leave out the wait for that.
func work(ctx context.Context, users ...pyhost.Runner) (float64, error) {
	const steps = 600_000
	took := make([]float64, len(users))
	all, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for i, rt := range users {
		all.Go(func() error {
			waited, err := pyhost.Call[float64](ctx, rt, "work", steps)
			took[i] = time.Since(begin).Seconds() - waited
			return err
		})
	}
	err := all.Wait()
	return slices.Max(took), err
}

func (c *column) objects(ctx context.Context, p *pair) error {
	id, err := pyhost.Call[int64](ctx, p.a, "change", "A was here")
	if err != nil {
		return err
	}
	b, err := pyhost.Call[pyhost.Tuple](ctx, p.b, "look")
	if err == nil {
		c.SameObject, c.WriteSeen = b[0] == id, b[1] == "A was here"
	}
	return err
}

// memory has B read, as bytes of its process, what A has written. It is a number that will not be
// there by chance, and then another one.
func (c *column) memory(ctx context.Context, p *pair) error {
	c.SameMemory = true
	for range 2 {
		number := rand.Int64N(magic)
		address, err := pyhost.Call[int64](ctx, p.a, "cell", number)
		if err != nil {
			return err
		}
		found, err := pyhost.Call[any](ctx, p.b, "read_at", address)
		if err != nil {
			return err
		}
		c.SameMemory = c.SameMemory && found == number
	}
	return nil
}

// heap has A make objects, and looks what that is to B.
func (c *column) heap(ctx context.Context, p *pair) error {
	blocks := func() (int, error) { return pyhost.Call[int](ctx, p.b, "sys.getallocatedblocks") }
	before, err := blocks()
	if err != nil {
		return err
	}
	bytes := held(p.b)
	if err := p.a.Call(ctx, "fill", nil, objects); err != nil {
		return err
	}
	after, err := blocks()
	c.Blocks, c.Bytes = after-before, held(p.b)-bytes
	if err != nil {
		return err
	}
	return p.a.Call(ctx, "empty", nil)
}

// relay has A, then B read a number of the segment and write the next one behind it. A runtime in
// this process gets the memory as a buffer, another process its name.
func (c *column) relay(ctx context.Context, p *pair, seg *shm.Segment, at int) error {
	var memory any = seg.Name()
	if p.Isolation != isolation.Processes {
		b, err := pyhost.SharedBuffer[int64](seg, 0, places)
		if err != nil {
			return err
		}
		defer b.Close()
		memory = b
	}
	for i, rt := range []pyhost.Runner{p.a, p.b} {
		var err error
		if c.Found[i], err = pyhost.Call[int64](ctx, rt, "relay", memory, at+i); err != nil {
			return fmt.Errorf("shared memory: %w", err)
		}
	}
	return nil
}
