package pyhost

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const msec = time.Millisecond

// recorded makes a recording of 100 ms with lanes a, b and c, from events "lane time kind".
func recorded(events ...Event) *Recording {
	return &Recording{
		Duration: 100 * msec,
		Lanes:    []Lane{{"a", 11}, {"b", 12}, {"c", 13}},
		Events:   events,
	}
}

func ev(t int, lane int, kind EventKind, name ...string) Event {
	e := Event{Time: time.Duration(t) * msec, Lane: lane, Kind: kind}
	if len(name) > 0 {
		e.Name = name[0]
	}
	return e
}

// drawn writes spans as "lane state start-end name", in ms.
func drawn(spans []Span) []string {
	var out []string
	for _, s := range spans {
		text := fmt.Sprintf("%d %v %v-%v", s.Lane, s.State, s.Start.Milliseconds(),
			s.End.Milliseconds())
		if s.Name != "" {
			text += " " + s.Name
		}
		out = append(out, text)
	}
	return out
}

func TestSpans(t *testing.T) {
	tests := []struct {
		name   string
		events []Event
		want   []string
	}{
		{"nothing", nil, nil},
		{
			"two calls with a pause",
			[]Event{
				ev(10, 0, EventWait), ev(12, 0, EventAttach, "f"), ev(20, 0, EventDetach),
				ev(30, 0, EventAttach, "g"), ev(40, 0, EventDetach),
			},
			[]string{
				"0 waiting 10-12", "0 holding 12-20 f", "0 detached 20-30", "0 holding 30-40 g",
			},
		},
		{
			"a forced switch: a held until b was seen",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 1, EventWait), ev(5, 0, EventLost),
				ev(6, 1, EventAttach), ev(10, 1, EventDetach), ev(11, 0, EventHold),
				ev(12, 0, EventDetach),
			},
			[]string{
				"0 holding 0-6", "1 waiting 1-6", "0 waiting 6-11", "1 holding 6-10",
				"0 holding 11-12",
			},
		},
		{
			"a C function beside another lane that lets the GIL go by itself",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 0, EventEnterC, "sleep"), ev(1, 0, EventLost),
				ev(3, 1, EventAttach), ev(8, 1, EventDetach), ev(20, 0, EventHold),
				ev(20, 0, EventLeaveC), ev(21, 0, EventDetach),
			},
			[]string{
				"0 holding 0-1", "0 in C 1-3 sleep", "0 beside 3-20 sleep", "1 holding 3-8",
				"0 holding 20-21",
			},
		},
		{
			"a C function of which it is not known whether it held the GIL",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 0, EventEnterC, "sum"), ev(9, 0, EventLeaveC),
				ev(10, 0, EventDetach),
			},
			[]string{"0 holding 0-1", "0 in C 1-9 sum", "0 holding 9-10"},
		},
		{
			"a C function that had to force the GIL back from b waited for it at the end",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 0, EventLost), ev(1, 0, EventEnterC, "crc"),
				ev(2, 1, EventAttach), ev(12, 1, EventLost), ev(12, 0, EventLeaveC),
				ev(15, 0, EventDetach), ev(15, 1, EventHold), ev(20, 1, EventDetach),
			},
			[]string{
				"0 holding 0-1", "0 in C 1-2 crc", "0 beside 2-7 crc", "1 holding 2-12",
				"0 waiting 7-12", "0 holding 12-15", "1 waiting 12-15", "1 holding 15-20",
			},
		},
		{
			"Python code that a C function calls back can be switched off too",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 0, EventEnterC, "sort"), ev(6, 0, EventLost),
				ev(6, 1, EventAttach), ev(9, 1, EventDetach), ev(10, 0, EventHold),
				ev(12, 0, EventLeaveC), ev(13, 0, EventDetach),
			},
			[]string{
				"0 holding 0-1", "0 in C 1-6 sort", "0 waiting 6-10", "1 holding 6-9",
				"0 holding 10-13",
			},
		},
		{
			"the recording starts and stops in the middle of calls",
			[]Event{
				ev(-1, 2, EventWait), ev(5, 0, EventLeaveC, "sleep"), ev(6, 0, EventDetach),
				ev(7, 1, EventDetach),
				ev(8, 1, EventWait), ev(9, 2, EventAttach), ev(10, 2, EventEnterC, "sleep"),
			},
			[]string{
				"2 waiting 0-9", "0 holding 5-6", "1 detached 7-8", "1 waiting 8-100",
				"2 holding 9-10",
				"2 in C 10-100 sleep",
			},
		},
		{
			"no GIL: several hold at once, and C functions run beside them",
			[]Event{
				ev(0, 0, EventAttach), ev(1, 1, EventAttach), ev(2, 0, EventEnterC, "sum"),
				ev(4, 0, EventLeaveC), ev(5, 0, EventDetach), ev(6, 1, EventEnterC, "sum"),
				ev(7, 2, EventAttach), ev(9, 1, EventDetach), ev(9, 2, EventDetach),
			},
			[]string{
				"0 holding 0-2", "1 holding 1-6", "0 beside 2-4 sum", "0 holding 4-5",
				"1 in C 6-7 sum", "1 beside 7-9 sum", "2 holding 7-9",
			},
		},
		{
			"events of lanes that do not exist, and out of order",
			[]Event{
				ev(4, 0, EventDetach), ev(1, 7, EventAttach), ev(1, -1, EventAttach),
				ev(2, 0, EventAttach), ev(3, 0, EventKind(99)),
			},
			[]string{"0 holding 2-4"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, drawn(recorded(tt.events...).Spans()))
		})
	}
}

func TestSpansEndWhereEventsWereDropped(t *testing.T) {
	r := recorded(ev(1, 0, EventAttach), ev(2, 1, EventWait), ev(3, 2, EventWait))
	r.Dropped = 1
	require.Equal(t, []string{"0 holding 1-3", "1 waiting 2-3"}, drawn(r.Spans()))
	require.Equal(t, 3*msec, r.Summary().Wall)
}

// Whatever the events, spans stay inside the recording and those of a lane do not overlap.
func TestSpansOfNoise(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := recorded()
		for i := range 300 {
			r.Events = append(r.Events, ev(i/3, rnd.IntN(3), EventKind(rnd.IntN(9))))
		}
		requireSane(t, r)
	}
}

func requireSane(t *testing.T, r *Recording) {
	t.Helper()
	ends := make([]time.Duration, len(r.Lanes))
	var start time.Duration
	for _, s := range r.Spans() {
		require.Less(t, s.Start, s.End)
		require.GreaterOrEqual(t, s.Start, start, "sorted by Start")
		require.GreaterOrEqual(t, s.Start, ends[s.Lane], "overlaps")
		require.LessOrEqual(t, s.End, r.Duration)
		start, ends[s.Lane] = s.Start, s.End
	}
	sum := r.Summary()
	require.LessOrEqual(t, sum.Busy, sum.BusyAtMost)
	require.LessOrEqual(t, sum.BusyAtMost, 1.0)
	require.LessOrEqual(t, sum.SideBySide, 1.0)
	require.LessOrEqual(t, sum.Forced, sum.Handoffs)
}

func TestKindsAndStatesHaveNames(t *testing.T) {
	for k := EventWait; k <= EventLeaveC; k++ {
		require.NotEqual(t, "unknown", k.String())
	}
	for s := Waiting; s < numStates; s++ {
		require.NotEqual(t, "unknown", s.String())
	}
	require.Equal(t, "unknown", EventKind(0).String())
	require.Equal(t, "unknown", EventKind(99).String())
	require.Equal(t, "unknown", SpanState(99).String())
}

// A sleep that takes 4 ms when nobody contends took 4 ms when somebody did: the rest is a wait.
func TestSpansLearnHowLongCFunctionsTake(t *testing.T) {
	var events []Event
	for i := range 3 {
		at := 10 * i
		events = append(events,
			ev(at, 0, EventAttach), ev(at, 0, EventEnterC, "sleep"), ev(at, 0, EventLost),
			ev(at+1, 1, EventAttach), ev(at+2, 1, EventDetach), ev(at+4, 0, EventLeaveC),
			ev(at+5, 0, EventDetach))
	}
	events = append(events,
		ev(40, 0, EventAttach), ev(40, 0, EventEnterC, "sleep"), ev(40, 0, EventLost),
		ev(41, 1, EventAttach), ev(60, 1, EventLost), ev(60, 0, EventLeaveC),
		ev(61, 0, EventDetach))
	spans := drawn(recorded(events...).Spans())
	require.Contains(t, spans, "0 beside 1-4 sleep")
	require.Contains(t, spans, "0 beside 41-44 sleep")
	require.Contains(t, spans, "0 waiting 44-60")
}
