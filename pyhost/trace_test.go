package pyhost

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// a computes in C beside b, which is forced to let go; both then pass it on.
func besideRecording() *Recording {
	return recorded(
		ev(0, 0, EventAttach, "pack"), ev(0, 1, EventWait), ev(10, 0, EventEnterC, "zlib.crc32"),
		ev(10, 0, EventLost), ev(20, 1, EventAttach, "scan"), ev(60, 1, EventLost),
		ev(60, 0, EventLeaveC), ev(80, 0, EventDetach), ev(80, 1, EventHold),
		ev(90, 1, EventDetach), ev(95, 0, EventAttach, "pack"),
	)
}

func TestSummary(t *testing.T) {
	s := besideRecording().Summary()
	require.Equal(t, 100*msec, s.Wall)
	require.Equal(t, 4, s.Handoffs)
	require.Equal(t, 1, s.Forced)
	require.InDelta(t, 0.85, s.Busy, 1e-9)
	require.InDelta(t, 0.95, s.BusyAtMost, 1e-9)
	require.InDelta(t, 0.35, s.SideBySide, 1e-9)
	require.Equal(t, []LaneSummary{
		{
			Lane: Lane{"a", 11}, Wait: 5 * msec, Hold: 35 * msec, InC: 10 * msec, Beside: 35 * msec,
			Detached: 15 * msec, Waits: 1, LongestWait: 5 * msec,
		},
		{Lane: Lane{"b", 12}, Wait: 40 * msec, Hold: 50 * msec, Waits: 2, LongestWait: 20 * msec},
		{Lane: Lane{"c", 13}},
	}, s.Lanes)
}

func TestSummaryOfNothing(t *testing.T) {
	require.Equal(t, Summary{Lanes: []LaneSummary{}}, new(Recording).Summary())
}

type decodedTrace struct {
	TraceEvents []struct {
		Name string
		Ph   string
		Ts   float64
		Dur  float64
		Tid  int
		Args map[string]any
	}
}

func TestWriteTrace(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, besideRecording().WriteTrace(&out))
	var trace decodedTrace
	require.NoError(t, json.Unmarshal(out.Bytes(), &trace))
	threads := map[int]string{}
	durations := map[int]map[string]float64{}
	for _, e := range trace.TraceEvents {
		if e.Name == "thread_name" {
			threads[e.Tid] = e.Args["name"].(string)
		}
		if e.Ph != "X" {
			continue
		}
		if durations[e.Tid] == nil {
			durations[e.Tid] = map[string]float64{}
		}
		durations[e.Tid][e.Name] += e.Dur
	}
	require.Equal(t, map[int]string{1: "GIL", 2: "a", 3: "b", 4: "c"}, threads)
	require.Equal(t, map[int]map[string]float64{
		1: {"a": 35_000, "b": 50_000},
		2: {
			"holds the GIL": 35_000, "waits for the GIL": 5_000,
			"zlib.crc32 (in C)": 10_000, "zlib.crc32 (beside)": 35_000,
		},
		3: {"holds the GIL": 50_000, "waits for the GIL": 40_000},
	}, durations)
}

func TestWriteTraceWithoutGIL(t *testing.T) {
	var out bytes.Buffer
	r := recorded(ev(0, 0, EventAttach), ev(1, 1, EventAttach), ev(2, 0, EventDetach))
	require.NoError(t, r.WriteTrace(&out))
	require.NotContains(t, out.String(), `"name":"GIL"`)
}

func TestWriteTraceOfNothing(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, new(Recording).WriteTrace(&out))
	require.True(t, json.Valid(out.Bytes()), out.String())
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteTraceReportsWriteErrors(t *testing.T) {
	require.ErrorIs(t, besideRecording().WriteTrace(fullDisk{}), errFull)
}

func BenchmarkSummary(b *testing.B) {
	r := recorded()
	for i := range 100_000 {
		r.Events = append(r.Events, ev(i, i%3, EventAttach), ev(i, i%3, EventDetach))
	}
	for b.Loop() {
		r.Summary()
	}
}
