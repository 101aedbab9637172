package pyhost

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"
)

// end is where the recording's knowledge ends. A recorder that had to drop events may have been
// full long before it was stopped.
func (r *Recording) end() time.Duration {
	var last time.Duration
	for _, e := range r.Events {
		last = max(last, e.Time)
	}
	if r.Dropped > 0 {
		return last
	}
	return max(last, r.Duration)
}

// Summary is a [Recording] in numbers.
//
// Two lanes make progress side by side when each of them holds the GIL (on a free-threaded build),
// or is in a C function: one that computes, or one that waits for a disk, a network or a clock.
// What is spent in [InC] counts as progress too.
type Summary struct {
	Wall       time.Duration // what the recording covers
	Handoffs   int           // times that the GIL was seen to pass from one lane to another
	Forced     int           // those of them where Python took it from a lane that still ran
	Busy       float64       // share of Wall in which some lane held the GIL
	BusyAtMost float64       // the same with the time in which a C function may have held it
	SideBySide float64       // share of Wall in which two or more lanes made progress
	Lanes      []LaneSummary // in the order of Recording.Lanes
}

// LaneSummary says how one lane of a [Recording] spent its time, by [SpanState].
type LaneSummary struct {
	Lane        Lane
	Wait        time.Duration
	Hold        time.Duration
	InC         time.Duration
	Beside      time.Duration
	Detached    time.Duration
	Waits       int           // how many times it waited
	LongestWait time.Duration // the longest of them
}

// Summary adds the recording up.
func (r *Recording) Summary() Summary {
	spans, handoffs, forced := r.walk()
	s := Summary{Wall: r.end(), Handoffs: handoffs, Forced: forced}
	s.Lanes = make([]LaneSummary, len(r.Lanes))
	for i := range s.Lanes {
		s.Lanes[i].Lane = r.Lanes[i]
	}
	for _, span := range spans {
		s.Lanes[span.Lane].add(span)
	}
	s.overlap(spans)
	return s
}

func (l *LaneSummary) add(s Span) {
	d := s.End - s.Start
	switch s.State {
	case Waiting:
		l.Wait += d
		l.Waits++
		l.LongestWait = max(l.LongestWait, d)
	case Holding:
		l.Hold += d
	case InC:
		l.InC += d
	case Beside:
		l.Beside += d
	case Detached:
		l.Detached += d
	}
}

// overlap sweeps over the ends of all spans and fills in the shares of the wall time.
func (s *Summary) overlap(spans []Span) {
	if s.Wall <= 0 {
		return
	}
	var now, busy, maybe, side time.Duration
	var in [numStates]int
	for _, e := range edges(spans) {
		d := e.at - now
		if in[Holding] > 0 {
			busy += d
		}
		if in[Holding]+in[InC] > 0 {
			maybe += d
		}
		if in[Holding]+in[InC]+in[Beside] > 1 {
			side += d
		}
		now = e.at
		in[e.state] += e.step
	}
	share := func(d time.Duration) float64 { return float64(d) / float64(s.Wall) }
	s.Busy, s.BusyAtMost, s.SideBySide = share(busy), share(maybe), share(side)
}

func inOrder(events []Event) []Event {
	byTime := func(a, b Event) int { return cmp.Compare(a.Time, b.Time) }
	if slices.IsSortedFunc(events, byTime) {
		return events
	}
	events = slices.Clone(events)
	slices.SortStableFunc(events, byTime)
	return events
}

// edge is a point in time at which the number of lanes in a state changes by step.
type edge struct {
	at    time.Duration
	state SpanState
	step  int
}

func edges(spans []Span) []edge {
	out := make([]edge, 0, 2*len(spans))
	for _, s := range spans {
		out = append(out, edge{s.Start, s.State, 1}, edge{s.End, s.State, -1})
	}
	slices.SortFunc(out, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	return out
}

// traceEvent is one event of the Trace Event Format, which Perfetto and chrome://tracing read.
type traceEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"` // X: complete event; M: metadata
	Time  float64        `json:"ts"` // µs
	Dur   *float64       `json:"dur,omitempty"`
	Cat   string         `json:"cat,omitempty"`
	Pid   int            `json:"pid"`
	Tid   int            `json:"tid"`
	Args  map[string]any `json:"args,omitempty"`
}

const (
	tracePid  = 1
	gilTid    = 1 // the row that shows who held the GIL
	firstLane = 2 // lane i is the thread firstLane+i: goroutines move between OS threads
)

var traceNames = [numStates]string{
	Waiting: "waits for the GIL",
	Holding: "holds the GIL",
	InC:     "in C",
	Beside:  "beside",
}

// WriteTrace writes the recording as a Chrome trace: JSON that https://ui.perfetto.dev and
// chrome://tracing open. Each lane is a thread of the trace, with its spans as complete events;
// where the lane is [Detached] there is a gap. One more thread, GIL, shows who held it, unless
// several did (a free-threaded build). The trace is streamed: it is never in memory as a whole.
func (r *Recording) WriteTrace(w io.Writer) error {
	t := traceWriter{w: bufio.NewWriter(w)}
	t.enc = json.NewEncoder(t.w)
	t.header(r)
	spans := r.Spans()
	gil := !holdAtOnce(spans)
	if gil {
		t.thread(gilTid, "GIL", nil)
	}
	for i, l := range r.Lanes {
		t.thread(firstLane+i, l.Label, map[string]any{"os_thread": l.Thread})
	}
	for _, s := range spans {
		t.span(r, s, gil)
	}
	t.text("]}\n")
	if t.err != nil {
		return t.err
	}
	return t.w.Flush()
}

// holdAtOnce reports whether two lanes hold at the same time. The spans are sorted by Start.
func holdAtOnce(spans []Span) bool {
	var end time.Duration
	for _, s := range spans {
		if s.State != Holding {
			continue
		}
		if s.Start < end {
			return true
		}
		end = s.End
	}
	return false
}

// traceWriter writes the events of a JSON array and keeps the first error.
type traceWriter struct {
	w     *bufio.Writer
	enc   *json.Encoder
	wrote bool
	err   error
}

func (t *traceWriter) text(s string) {
	if t.err == nil {
		_, t.err = t.w.WriteString(s)
	}
}

func (t *traceWriter) json(v any) {
	if t.err == nil {
		t.err = t.enc.Encode(v)
	}
}

func (t *traceWriter) event(e traceEvent) {
	if t.wrote {
		t.text(",")
	}
	t.wrote = true
	e.Pid = tracePid
	t.json(e)
}

func (t *traceWriter) header(r *Recording) {
	t.text(`{"displayTimeUnit":"ms","otherData":`)
	t.json(map[string]any{"start": r.Start, "dropped": r.Dropped})
	t.text(`,"traceEvents":[` + "\n")
	t.meta("process_name", 0, map[string]any{"name": "Python"})
}

func (t *traceWriter) meta(name string, tid int, args map[string]any) {
	t.event(traceEvent{Name: name, Phase: "M", Tid: tid, Args: args})
}

// thread names a row and keeps its place: viewers sort by number only where told to.
func (t *traceWriter) thread(tid int, label string, args map[string]any) {
	named := map[string]any{"name": label}
	for k, v := range args {
		named[k] = v
	}
	t.meta("thread_name", tid, named)
	t.meta("thread_sort_index", tid, map[string]any{"sort_index": tid})
}

func (t *traceWriter) span(r *Recording, s Span, gil bool) {
	if s.State == Detached {
		return
	}
	dur := micros(s.End - s.Start)
	e := traceEvent{Phase: "X", Time: micros(s.Start), Dur: &dur, Cat: s.State.String()}
	e.Tid, e.Name = firstLane+s.Lane, traceName(s)
	if s.Name != "" {
		e.Args = map[string]any{"call": s.Name}
	}
	t.event(e)
	if gil && s.State == Holding {
		e.Tid, e.Name = gilTid, r.Lanes[s.Lane].Label
		t.event(e)
	}
}

func traceName(s Span) string {
	name := traceNames[s.State]
	if s.Name != "" && s.State != Holding {
		return s.Name + " (" + name + ")"
	}
	return name
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
