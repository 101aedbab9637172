//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
	"github.com/pyhost/pyhost/pyhost/shm"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func program(t *testing.T, args ...string) string {
	t.Helper()
	cmd := clitest.Program(t, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s%s", out, &stderr)
	return string(out)
}

var gaps = regexp.MustCompile(` {2,}`)

// cells are those of a row of the table.
func cells(t *testing.T, table, row string) []string {
	t.Helper()
	for line := range strings.Lines(table) {
		if rest, ok := strings.CutPrefix(line, "  "+row+" "); ok {
			return gaps.Split(strings.TrimSpace(rest), -1)
		}
	}
	require.Fail(t, "no row "+row, table)
	return nil
}

func TestRuntimes(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	out := program(t, "-html", page)
	var minor, pid int
	_, err := fmt.Sscanf(out, "CPython 3.%d", &minor)
	require.NoError(t, err)
	_, err = fmt.Sscanf(out[strings.Index(out, "program "):], "program %d", &pid)
	require.NoError(t, err)
	const unseen, down = "B does not see it", "the program: "
	for row, want := range map[string][]string{ // a column each: the kinds from near to far
		"GIL":           {"one for both", "one for both", "one each", "one each"},
		"objects":       {"B sees the change", unseen, unseen, unseen},
		"identity":      {"one object", "two objects", "two objects", "two objects"},
		"address space": {"B finds them", "B finds them", "B finds them", "nothing of A there"},
		"segfault in A": {down, down, down, "its call alone"},
		"afterwards":    {"none", "none", "none", "both go on"},
		"process":       {fmt.Sprint("pid ", pid), "pid ", "pid ", "pids "},
		"interpreter":   {"number 0", "numbers ", "numbers ", "numbers 0, 0"},
		"blocks":        {"+2", "+2", "+2", "+"},
		"two at once":   {"", "", "", ""},
	} {
		got := cells(t, out, row)
		if strings.Contains(out, "free-threaded build: no ") && minor < 13 {
			want = append(want[:2:2], want[3]) // no GILs of their own
		}
		for i := range want {
			require.True(t, strings.HasPrefix(got[i], want[i]), "%s: %q\n%s", row, got, out)
		}
	}
	if minor < 13 {
		require.Contains(t, out, "Not measured: sub-interpreters, own GILs: ")
	}
	for i, gil := range cells(t, out, "GIL") {
		var speed float64
		_, err := fmt.Sscan(cells(t, out, "two at once")[i], &speed)
		require.NoError(t, err)
		require.True(t, gil != "one for both" || speed < 1.5, "one computed beside it\n%s", out)
	}
	require.Regexp(t, `found 1, 2 +found 3, 4`, out)
	for _, one := range []string{"goroutine", "thread of Python", "fork of a Python process",
		"fork and exec of true", "python -I -c pass", "process runtime", "interpreter, shared GIL",
		"the main interpreter, once"} {
		require.Regexp(t, one+` +[0-9.]+ (µs|ms)`, out)
	}

	html, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(html)
	require.NotContains(t, text, "<no value>")
	require.NotContains(t, text, "ZgotmplZ")
	require.NotRegexp(t, `(src|href)=`, text, "it is one file")
	for _, want := range []string{"nothing of A there", "its call alone", "process runtime",
		"</html>"} {
		require.Contains(t, text, want)
	}
}

// What is done on a free-threaded build works on others.
func TestOneKindAlone(t *testing.T) {
	seg, err := shm.Create("", 8*places)
	require.NoError(t, err)
	defer seg.Close()
	defer func() { require.NoError(t, seg.Unlink()) }()
	numbers, err := shm.Slice[int64](seg, 0, places)
	require.NoError(t, err)
	numbers[4] = 5
	var c column
	out := program(t, "-only", "free", "-segment", seg.Name(), "-at", "4")
	require.NoError(t, json.Unmarshal([]byte(out), &c), out)
	require.True(t, c.WriteSeen)
	require.Equal(t, c.NoGIL, c.Overlap)
	require.Equal(t, [2]int64{5, 6}, c.Found)
	require.Equal(t, int64(7), numbers[6])
	require.NotEqual(t, c.Threads[0], c.Threads[1])

	var after crash
	out = program(t, "-crash", "processes")
	require.NoError(t, json.Unmarshal([]byte(out), &after), out)
	require.True(t, after.Next && after.Other)
}

func TestBadFlags(t *testing.T) {
	out, err := clitest.Output(t, "-only", "forks")
	require.Error(t, err)
	require.Contains(t, out, "no such kind")
	out, err = clitest.Output(t, "-html", "no/page.html")
	require.Error(t, err)
	require.Equal(t, "runtimes: open no/page.html: no such file or directory\n", out)
}
