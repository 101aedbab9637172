package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata anew")

func simulatedChart(n int, length time.Duration) *chart {
	c := newChart(simulate(n, length), []string{"tokenise", "compress", "read"})
	c.python = "3.14.6"
	return c
}

// requireGolden compares with a file in testdata; go test -update writes it.
func requireGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestTimelineGolden(t *testing.T) {
	c := simulatedChart(2, 300*time.Millisecond)
	for name, colour := range map[string]bool{"plain.txt": false, "colour.txt": true} {
		var out bytes.Buffer
		printSummary(&out, c)
		printTimelines(&out, c, 80, colour)
		requireGolden(t, name, out.Bytes())
	}
}

func TestSVGGolden(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, simulatedChart(2, 300*time.Millisecond).writeSVG(&out))
	requireGolden(t, "picture.svg", out.Bytes())
}

func TestTimelineFitsItsWidth(t *testing.T) {
	c := simulatedChart(4, time.Second)
	for _, width := range []int{minWidth, 100, 200} {
		var out bytes.Buffer
		line := timeline{c: c, w: &out, label: 12, cells: width - 13}
		line.draw("", c.whole())
		for text := range strings.Lines(out.String()) {
			if !strings.Contains(text, "hand-offs") {
				require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(text)), width)
			}
		}
	}
}

// A long recording of many lanes still makes a picture that a browser opens at once.
func TestSVGStaysSmall(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, simulatedChart(16, 10*time.Second).writeSVG(&out))
	require.Less(t, out.Len(), 1_000_000)
	requireXML(t, out.Bytes())
}

func requireXML(t *testing.T, data []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestEmptyAndOddRecordings(t *testing.T) {
	recordings := map[string]*pyhost.Recording{
		"empty":    {},
		"no lanes": {Duration: time.Second},
		"odd label, in the middle of a wait": {
			Duration: time.Millisecond,
			Lanes:    []pyhost.Lane{{Label: `<&"> 1`}},
			Events:   []pyhost.Event{{Kind: pyhost.EventWait}},
			Dropped:  0,
		},
	}
	for name, r := range recordings {
		t.Run(name, func(t *testing.T) {
			c := newChart(r, nil)
			var out bytes.Buffer
			printSummary(io.Discard, c)
			printTimelines(io.Discard, c, 80, false)
			require.NoError(t, c.writeSVG(&out))
			requireXML(t, out.Bytes())
		})
	}
}

func TestMergedKeepsTheTimeAndTheStateThatLasted(t *testing.T) {
	us := time.Microsecond
	pieces := merged([]pyhost.Span{
		{State: pyhost.Waiting, Start: 0, End: 100 * us},
		{State: pyhost.Holding, Start: 100 * us, End: 106 * us},
		{State: pyhost.InC, Start: 106 * us, End: 108 * us},
		{State: pyhost.Holding, Start: 108 * us, End: 112 * us},
		{State: pyhost.Beside, Start: 112 * us, End: 150 * us, Name: "f"},
	}, 10*us)
	require.Len(t, pieces, 3)
	require.Equal(t, pyhost.Holding, pieces[1].State)
	require.Equal(t, 3, pieces[1].spans)
	require.Equal(t, 100*us, pieces[1].Start)
	require.Equal(t, 112*us, pieces[1].End)
	require.Equal(t, "f: in C, beside others, 38 µs", pieces[2].text())
}

func TestCellsAddUp(t *testing.T) {
	c := simulatedChart(4, time.Second)
	for _, l := range c.lanes {
		var held float64
		for _, cell := range l.cells(c.whole(), 77) {
			held += cell[pyhost.Holding] / 77
		}
		require.InDelta(t, l.sum.Hold.Seconds(), held, 1e-6)
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 950: "1 µs", 20 * time.Microsecond: "20 µs", 5 * time.Millisecond: "5 ms",
		1500 * time.Microsecond: "1.5 ms", 7120 * time.Millisecond: "7.12 s",
		10 * time.Second: "10 s",
	} {
		require.Equal(t, want, short(d))
	}
}

// How long C functions worked beside others is an estimate. The simulation knows the truth.
func TestBesideIsNearTheTruth(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8} {
		s := simulated(n, 5*time.Second)
		var seen time.Duration
		for _, l := range s.r.Summary().Lanes {
			seen += l.Beside + l.InC
		}
		require.InDelta(t, 1.3, seen.Seconds()/s.inC.Seconds(), 0.4, "%d goroutines", n)
	}
}
