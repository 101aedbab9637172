package pyhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/cgo"
)

// RecordOptions are the settings of a recording; zero values are the defaults.
type RecordOptions struct {
	// Label is the key of the pprof label (runtime/pprof) that names a goroutine's lane. Goroutines
	// without it share a lane for each OS thread. Empty: "goroutine".
	Label string
	// MaxEvents bounds the memory; what comes after is counted as dropped. 0: 1,000,000.
	MaxEvents int
}

// Recorder notes who waits for, holds and lets go of the GIL, until Stop. While it does, Python
// code runs under a profile hook, which slows down calls of functions; without one it costs
// nothing.
type Recorder struct {
	rt    *Runtime
	start time.Time
	clock int64
	once  sync.Once
	rec   *Recording
}

// recorder is the side of it that calls see.
type recorder struct {
	on    atomic.Bool
	mu    sync.Mutex // guards the rest
	label string
	lanes map[string]int
	names []string
}

// lane finds the lane of the goroutine's label; -1: it has none.
func (r *recorder) lane(ctx context.Context) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	label, ok := pprof.Label(ctx, r.label)
	if !ok {
		return -1
	}
	i, ok := r.lanes[label]
	if !ok {
		i = len(r.names)
		r.names = append(r.names, label)
		r.lanes[label] = i
	}
	return i
}

// ErrRecording is the error of a second recording at a time.
var ErrRecording = errors.New("pyhost: a recording is under way")

// Record starts a recording. There is one at a time.
func (rt *Runtime) Record(opt RecordOptions) (*Recorder, error) {
	if opt.Label == "" {
		opt.Label = "goroutine"
	}
	if opt.MaxEvents <= 0 {
		opt.MaxEvents = 1_000_000
	}
	r := &rt.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on.Load() {
		return nil, ErrRecording
	}
	r.label, r.lanes, r.names = opt.Label, map[string]int{}, nil
	rec := &Recorder{rt: rt, start: time.Now(), clock: cgo.Now()}
	if !rt.in.StartRecording(opt.MaxEvents) {
		return nil, ErrNoMemory
	}
	r.on.Store(true)
	return rec, nil
}

// Stop ends the recording and returns it; later calls return the same.
func (r *Recorder) Stop() *Recording {
	r.once.Do(func() { r.rec = r.stop() })
	return r.rec
}

func (r *Recorder) stop() *Recording {
	own := &r.rt.record
	own.mu.Lock()
	defer own.mu.Unlock()
	own.on.Store(false)
	events, names, dropped := r.rt.in.StopRecording()
	rec := &Recording{Start: r.start, Duration: time.Since(r.start), Dropped: dropped}
	for _, label := range own.names {
		rec.Lanes = append(rec.Lanes, Lane{Label: label})
	}
	threads := map[int32]int{}
	for _, e := range events {
		lane := int(e.Lane)
		if lane < 0 || lane >= len(own.names) { // no label, or one of another recording
			lane = threadLane(rec, threads, e.TID)
		}
		rec.Lanes[lane].Thread = int(e.TID)
		ev := Event{Time: time.Duration(e.Time - r.clock), Kind: EventKind(e.Kind), Lane: lane}
		if e.Name >= 0 {
			ev.Name = names[e.Name]
		}
		rec.Events = append(rec.Events, ev)
	}
	slices.SortStableFunc(rec.Events, func(a, b Event) int { return cmp.Compare(a.Time, b.Time) })
	return rec
}

// A goroutine without a label: the lane of its OS thread.
func threadLane(rec *Recording, lanes map[int32]int, tid int32) int {
	i, ok := lanes[tid]
	if !ok {
		i = len(rec.Lanes)
		rec.Lanes = append(rec.Lanes, Lane{Label: fmt.Sprintf("thread %d", tid)})
		lanes[tid] = i
	}
	return i
}
