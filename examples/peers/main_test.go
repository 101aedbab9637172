package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/cli/clitest"
)

// The program runs itself too.
func TestMain(m *testing.M) { clitest.Main(m, main) }

// peersOf runs the program with sizes as small as can be, on one Python: a program that was built
// with the tag gopython3 can have no other than the one linked.
func peersOf(t *testing.T, args ...string) string {
	t.Helper()
	python := os.Getenv("PYHOST_PYTHON")
	if python == "" {
		python = "/usr/bin/python3"
	}
	small := []string{"-python", python, "-pool-python", python, "-runs", "1", "-long", "1ms",
		"-goroutines", "2", "-workers", "1", "-runtimes", "1"}
	out, err := clitest.Output(t, append(small, args...)...)
	require.NoError(t, err, out)
	return out
}

const figure = `[0-9.e+-]+ \([0-9.e+-]+–[0-9.e+-]+\)`

// Every peer has a figure for each task, or is named as missing.
func TestCalls(t *testing.T) {
	dir := t.TempDir()
	out := peersOf(t, "-section", "calls", "-task", "list", "-o", dir)
	markdown, err := os.ReadFile(dir + "/results.md")
	require.NoError(t, err)
	chart, err := os.ReadFile(dir + "/calls.svg")
	require.NoError(t, err)
	for _, p := range callers()[1:] {
		missing := "(?m)^" + p.name + " is missing: "
		require.Regexp(t, "(?m)^"+p.name+" +"+figure+"|"+missing, out)
		require.Regexp(t, `(?m)^\| `+p.name+` \| `+figure+` \|$|^\* `+missing[5:], string(markdown))
		require.Regexp(t, "<text[^>]*>"+p.name+"</text>|"+missing, string(chart)+out)
	}
	require.Regexp(t, "(?m)^JSON by Flask is missing: it is installed by -flask only$", out)
}

func TestCrowd(t *testing.T) {
	out := peersOf(t, "-section", "calls", "-task", "crowd")
	require.Regexp(t, `(?m)^JSON lines by a pipe +`+figure, out)
	require.Regexp(t, `(?m)^python3 for each call +–`, out)
	out = peersOf(t, "-section", "calls", "-task", "weight")
	require.Regexp(t, `(?m)^JSON by http.server +`+figure, out)
}

func TestPools(t *testing.T) {
	dir := t.TempDir()
	out := peersOf(t, "-section", "pools", "-o", dir)
	for _, p := range poolers()[1:] {
		missing := "(?m)^" + p.name + " is missing: needs CPython"
		require.Regexp(t, "(?m)^"+p.name+" ÷ "+p.beside+strings.Repeat(" +"+figure, 5)+"|"+missing,
			out)
	}
	require.Regexp(t, "(?m)^Python itself in libpython ÷ pyhost .* "+figure, out)
	require.NotContains(t, out, "Traceback")
	require.FileExists(t, dir+"/pools.svg")
}

// The curves have every size, and a line in the picture for each peer.
func TestCurves(t *testing.T) {
	for _, c := range []struct{ section, file, peer, sizes string }{
		{"goroutines", "rate.svg", "JSON lines by a pipe", "goroutines +1 +2"},
		{"goroutines", "latency.svg", "process.Runtime", "goroutines +1 +2"},
		{"speedup", "speedup.svg", "ProcessPoolExecutor", "workers +1"},
		{"memory", "memory.svg", "multiprocessing.Pool", "workers +1"},
	} {
		dir := t.TempDir()
		out := peersOf(t, "-section", c.section, "-o", dir)
		require.Regexp(t, "(?m)^"+c.sizes+"$", out)
		require.Regexp(t, "(?m)^"+c.peer+" +"+figure, out)
		picture, err := os.ReadFile(dir + "/" + c.file)
		require.NoError(t, err)
		require.Contains(t, string(picture), ">"+c.peer+"</text>")
		require.Equal(t, strings.Count(string(picture), "<polyline"),
			strings.Count(string(picture), "class='lead'"))
	}
}

// What a child holds counts: tail keeps the 50 MB until its input ends.
func TestMemoryIsThatOfDescendantsToo(t *testing.T) {
	one, err := weigh(exec.Command("sh", "-c", "echo ready; cat"))
	require.NoError(t, err)
	two, err := weigh(exec.Command("sh", "-c", "exec 3>&1; "+
		"{ head -c 50000000 /dev/zero; echo ready >&3; cat; } | tail -c 50000000 >/dev/null"))
	require.NoError(t, err)
	a, err := parse(string(one))
	require.NoError(t, err)
	b, err := parse(string(two))
	require.NoError(t, err)
	require.Greater(t, b[0], a[0]+20e6)
}

// slow is a Python that tells by a pipe when it measures, and then does so for ever, as its child
// does. They hold the pipe open.
const slow = `#!/bin/sh
if [ "$1" = -c ]; then echo 3.11.2; exit; fi
exec 3>"$PIPE"
echo measures >&3
sleep infinity
`

// Ctrl-C ends what measures, and leaves no files behind.
func TestInterrupt(t *testing.T) {
	dir, tmp := t.TempDir(), t.TempDir()
	python, pipe := filepath.Join(dir, "python"), filepath.Join(dir, "pipe")
	require.NoError(t, os.WriteFile(python, []byte(slow), 0o700))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	cmd := clitest.Program(t, "-python", python, "-section", "calls", "-task", "list")
	cmd.Env = append(cmd.Env, "PIPE="+pipe, "TMPDIR="+tmp)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	f, err := os.Open(pipe)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.SetDeadline(time.Now().Add(time.Minute)))
	line, err := bufio.NewReader(f).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "measures\n", line)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_, err = f.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "they are still there")
	require.Error(t, cmd.Wait())
	require.Equal(t, cli.Interrupted, cmd.ProcessState.ExitCode())
	require.Equal(t, "peers: interrupted\n", stderr.String())
	left, err := filepath.Glob(tmp + "/peers*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestResultsAreChecked(t *testing.T) {
	require.Error(t, add(remote{call: func(string, any, any) error { return nil }}))
	require.Error(t, text(remote{call: func(string, any, any) error { return nil }}))
}
