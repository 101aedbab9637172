package pyhost

import (
	"cmp"
	"slices"
	"time"
)

// EventKind says what a lane was seen to do at the time of an [Event].
type EventKind uint8

// The kinds of event. A recorder looks when a call begins and ends, around [Thread.Detach], and,
// inside Python code, at each call and return; it keeps what it saw only where the holder changes.
const (
	EventWait   EventKind = iota + 1 // began to wait: at the gate or for the GIL
	EventAttach                      // holds the GIL from here: a call began, or Detach is over
	EventDetach                      // gave the GIL up: a call ended, or Detach began
	EventLost                        // last seen holding the GIL here; another lane was seen next
	EventHold                        // seen holding the GIL again, inside a call
	EventEnterC                      // entered the C function Name, which may let the GIL go
	EventLeaveC                      // left it, holding the GIL
)

var eventKinds = [...]string{
	"unknown", "wait", "attach", "detach", "lost", "hold", "enter C", "leave C",
}

// String names the kind in one or two lower-case words.
func (k EventKind) String() string {
	if int(k) >= len(eventKinds) {
		return eventKinds[0]
	}
	return eventKinds[k]
}

// Event is one thing that a lane was seen to do.
type Event struct {
	Time time.Duration // since Recording.Start
	Kind EventKind
	Lane int    // index into Recording.Lanes
	Name string // what was called; may be empty
}

// Lane is one goroutine of a [Recording], told apart by its label.
type Lane struct {
	Label  string // the goroutine's label
	Thread int    // the OS thread on which it was seen last
}

// Recording tells who waited for, held and gave up an interpreter's GIL, and when. It is plain
// data, made by a recorder that has stopped; nothing in it changes later, so any number of
// goroutines may read it.
//
// A recording may begin and end in the middle of calls, and may lack events that did not fit
// (Dropped). Its methods show only what the events bear out: nothing before a lane's first event,
// and, if events were dropped, nothing after the last one.
type Recording struct {
	Start    time.Time
	Duration time.Duration
	Lanes    []Lane
	Events   []Event // sorted by Time
	Dropped  int     // events that were seen but not kept
}

// SpanState is what a lane did during a [Span].
type SpanState uint8

// The states of a lane.
const (
	// Waiting: at the gate or for the GIL.
	Waiting SpanState = iota + 1
	// Holding: has the GIL and runs Python.
	Holding
	// InC: in the C function Name, which is not known to have let the GIL go.
	InC
	// Beside: in the C function Name, which let the GIL go: another lane has been seen with it
	// since. It computes, sleeps or does I/O beside the others.
	Beside
	// Detached: between two calls, or in [Thread.Detach].
	Detached

	numStates
)

var spanStates = [numStates]string{"unknown", "waiting", "holding", "in C", "beside", "detached"}

// String names the state in one or two lower-case words.
func (s SpanState) String() string {
	if s >= numStates {
		return spanStates[0]
	}
	return spanStates[s]
}

// Span is a stretch of time that a lane spent in one state.
type Span struct {
	Lane       int // index into Recording.Lanes
	State      SpanState
	Start, End time.Duration // since Recording.Start
	Name       string        // what was called, where it is known
}

const (
	// grain is what the recorder does not look below: it keeps no shorter C function.
	grain = 20 * time.Microsecond
	// switchInterval is how long a thread waits before Python takes the GIL from the one that runs
	// (sys.getswitchinterval).
	switchInterval = 5 * time.Millisecond
	// prompt is how soon a thread that waits for the GIL is seen with it after it is let go.
	prompt = 200 * time.Microsecond
)

// Spans works out from the events what each lane did when. The spans of a lane do not overlap;
// they come sorted by Start, then Lane. A stretch of which nothing is known has no span.
//
// A recorder sees a lane only when Python code calls or returns, so three things are inferred:
//
//   - A lane that lost the GIL outside a C function held it until the next lane was seen:
//     nothing but a forced switch takes it away, and that hands it over at once.
//   - A lane that lost it in a C function is [InC] until another lane is seen with it and [Beside]
//     from then on. What lost it after the function had called back into Python waits.
//   - When a C function is done, it waits for the GIL before it returns. How long cannot be seen.
//     It is estimated: what the function (by Name) took longer than it usually takes when it finds
//     the GIL free at its end; or, if that was never seen, as long as lanes that were forced out
//     waited lately, which is known exactly. Where the lane had to force the GIL free itself, it
//     is a switch interval at least. So where [Beside] ends and [Waiting] begins is an estimate,
//     and under contention Beside is rather too long than too short.
//
// On a free-threaded build several lanes hold at once, and no lane loses anything.
func (r *Recording) Spans() []Span {
	spans, _, _ := r.walk()
	return spans
}

// walk runs the recording through the state machine of its lanes: once to learn how long C
// functions take that need not wait, once more to tell by it how long the others waited.
func (r *Recording) walk() (spans []Span, handoffs, forced int) {
	events := inOrder(r.Events)
	first := newWalker(r)
	first.walk(events)
	w := newWalker(r)
	w.typical = first.medians()
	w.walk(events)
	w.finish(r.end())
	slices.SortFunc(w.spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Lane, b.Lane))
	})
	return w.spans, w.handoffs, w.forced
}

func newWalker(r *Recording) *walker {
	return &walker{
		lanes:  make([]laneState, len(r.Lanes)),
		gil:    slices.ContainsFunc(r.Events, func(e Event) bool { return e.Kind == EventLost }),
		holder: -1,
		alone:  map[string][]time.Duration{},
	}
}

func (w *walker) walk(events []Event) {
	for _, e := range events {
		if e.Lane >= 0 && e.Lane < len(w.lanes) {
			e.Time = max(0, e.Time) // a wait may have begun before the recording
			w.event(e)
		}
	}
}

// laneState is the span that a lane is in. A zero state: nothing is known of it yet.
type laneState struct {
	state  SpanState
	since  time.Duration
	name   string
	call   string        // what the attached lane was called for
	lostAt time.Duration // the last EventLost
	inC    time.Duration // when it entered the C function

	forcedOut bool // Waiting since the GIL was taken from it: the time is exact
}

type walker struct {
	lanes    []laneState
	gil      bool // one lane holds at a time: somebody lost the GIL
	holder   int  // the lane that was seen with the GIL last, or -1
	spans    []Span
	handoffs int
	forced   int

	queue     time.Duration // how long lanes have been waiting lately, where it is known exactly
	busySince time.Duration // since then the GIL went from lane to lane without a pause

	alone   map[string][]time.Duration // how long C functions took that did not wait at the end
	typical map[string]time.Duration   // the medians of that
}

// event moves the lane on. An event that cannot follow the one before it (some were dropped) is
// taken at its word.
func (w *walker) event(e Event) {
	l := &w.lanes[e.Lane]
	switch e.Kind {
	case EventWait:
		w.enter(e.Lane, e.Time, Waiting, "")
	case EventAttach:
		l.call = e.Name
		w.seen(e.Lane, e.Time)
		w.enter(e.Lane, e.Time, Holding, l.call)
	case EventHold, EventLeaveC:
		w.seen(e.Lane, e.Time)
		w.enter(e.Lane, e.Time, Holding, l.call)
	case EventEnterC:
		w.seen(e.Lane, e.Time)
		w.enter(e.Lane, e.Time, w.stateInC(e.Lane), e.Name)
		l.inC = e.Time
	case EventLost:
		// It ends nothing by itself: the sight of the next holder does (taken).
		l.lostAt = e.Time
	case EventDetach:
		w.enter(e.Lane, e.Time, Detached, "")
	}
}

// enter ends the lane's span and begins another.
func (w *walker) enter(lane int, at time.Duration, state SpanState, name string) {
	l := &w.lanes[lane]
	if l.state == state && l.name == name {
		return
	}
	w.close(lane, at)
	l.state, l.name, l.since = state, name, max(at, l.since)
}

func (w *walker) close(lane int, at time.Duration) {
	l := &w.lanes[lane]
	if l.state == 0 || at <= l.since {
		return
	}
	w.spans = append(w.spans, Span{lane, l.state, l.since, at, l.name})
}

// seen notes that the lane has the GIL, and therefore that no other has.
func (w *walker) seen(lane int, at time.Duration) {
	if !w.gil {
		w.seenFree(lane, at)
	}
	if w.holder == lane {
		return
	}
	if w.holder >= 0 {
		w.handoffs++
	}
	if w.gil {
		w.passed(lane, at)
	}
	w.holder = lane
}

// passed moves both lanes on as the GIL goes from w.holder to another.
func (w *walker) passed(lane int, at time.Duration) {
	idle := w.holder < 0 || at-w.lanes[w.holder].since > prompt
	forced := w.holder >= 0 && w.taken(w.holder, at)
	switch {
	case forced:
		w.forced++
	case idle:
		w.busySince = at // the lane before let it go by itself, and nobody took it at once
	}
	l := &w.lanes[lane]
	switch {
	case l.state == Waiting && l.forcedOut:
		w.queue += (at - l.since - w.queue) / 4
	case l.state == Beside && idle && !forced:
		w.alone[l.name] = append(w.alone[l.name], at-l.inC)
	case l.state == Beside:
		w.enter(lane, max(l.since, at-w.waited(l, at, forced)), Waiting, "")
	}
	l.forcedOut = false
}

// taken moves the lane that was seen with the GIL last on: now another has it. It reports whether
// the lane still ran, so that Python must have forced it to let go.
func (w *walker) taken(lane int, at time.Duration) bool {
	l := &w.lanes[lane]
	ran := l.state == Holding || l.state == InC && l.lostAt > l.since+grain
	switch {
	case ran:
		w.enter(lane, at, Waiting, "")
		l.forcedOut = true
	case l.state == InC:
		w.enter(lane, at, Beside, l.name)
	}
	return ran
}

// waited estimates how long a lane that comes back from a C function has waited for the GIL: what
// the function took longer than usual, or if it is not known, as long as others waited lately. But
// it was not before the GIL was last seen to be free.
func (w *walker) waited(l *laneState, at time.Duration, forced bool) time.Duration {
	wait := max(w.queue, switchInterval/2)
	if usual, ok := w.typical[l.name]; ok {
		wait = max(0, at-l.inC-usual)
	}
	if forced {
		return max(wait, switchInterval)
	}
	return min(wait, at-w.busySince)
}

// medians leaves out what was seen too seldom.
func (w *walker) medians() map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, times := range w.alone {
		if len(times) >= 3 {
			slices.Sort(times)
			out[name] = times[len(times)/2]
		}
	}
	return out
}

// seenFree is seen without a GIL: whoever is in a C function now has company there.
func (w *walker) seenFree(lane int, at time.Duration) {
	for i := range w.lanes {
		if i != lane && w.lanes[i].state == InC {
			w.enter(i, at, Beside, w.lanes[i].name)
		}
	}
}

// stateInC is the state of a lane that enters a C function: without a GIL, others may hold already.
func (w *walker) stateInC(lane int) SpanState {
	for i, l := range w.lanes {
		if i != lane && !w.gil && (l.state == Holding || l.state == InC || l.state == Beside) {
			return Beside
		}
	}
	return InC
}

// finish ends all spans. A lane that is detached may be gone for good.
func (w *walker) finish(end time.Duration) {
	for i, l := range w.lanes {
		if l.state != Detached {
			w.close(i, end)
		}
	}
}
