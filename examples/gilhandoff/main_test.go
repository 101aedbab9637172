package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

// program is the example, to be run in a folder of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := clitest.Program(t, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "NO_COLOR=1")
	return cmd
}

// here is a folder of real Go files: that of this example.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	return dir
}

func TestRun(t *testing.T) {
	cmd := program(t, "-n", "2", "-files", here(t), "-svg", "out.svg", "-trace", "out.json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s", &stderr)

	for _, text := range []string{
		"6 goroutines in", "tokens", "hand-offs", "side by side", "tokenise 2", "compress 1",
		"read 2", "picture: out.svg", "trace:   out.json",
	} {
		require.Contains(t, stdout.String(), text)
	}
	require.NotContains(t, stdout.String(), "\x1b")
	require.Regexp(t, `(?m)^ +tokenise 1 +\S+ \S+ +0 ms `, stdout.String(), "it never lets it go")
	require.Regexp(t, `^tokenise \d+/\d+ · compress`, stderr.String())

	picture, err := os.ReadFile(filepath.Join(cmd.Dir, "out.svg"))
	require.NoError(t, err)
	requireXML(t, picture)
	requireTrace(t, filepath.Join(cmd.Dir, "out.json"))
}

// requireTrace checks that every goroutine held the GIL, and that no two did at a time.
func requireTrace(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var trace struct {
		TraceEvents []struct {
			Name, Ph string
			Ts, Dur  float64
			Tid      int
			Args     map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(data, &trace))
	holders := map[string]bool{}
	gil, end := 0, 0.0
	for _, e := range trace.TraceEvents {
		if e.Name == "thread_name" && e.Args["name"] == "GIL" {
			gil = e.Tid
		}
		if e.Ph != "X" || e.Tid != gil {
			continue
		}
		holders[e.Name] = true
		require.GreaterOrEqual(t, e.Ts+0.001, end)
		end = e.Ts + e.Dur
	}
	require.NotZero(t, gil)
	for _, label := range []string{
		"tokenise 1", "tokenise 2", "compress 1", "compress 2", "read 1", "read 2",
	} {
		require.Contains(t, holders, label)
	}
}

// Ctrl-C in the middle of the work: what was done so far is reported, and the exit code tells.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT")
	}
	cmd := program(t, "-n", "2", "-max", "100000")
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	lines := bufio.NewScanner(stderr)
	require.True(t, lines.Scan(), "no progress")
	require.Contains(t, lines.Text(), "tokenise")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(stderr)
	require.NoError(t, err)

	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, cli.Interrupted, exit.ExitCode(), "%s", rest)
	require.True(t, strings.HasSuffix(string(rest), "gilhandoff: interrupted\n"), "%s", rest)
	require.Contains(t, stdout.String(), "hand-offs")
	require.Regexp(t, `: 6 goroutines in .*, then interrupted\n`, stdout.String())
	require.NotContains(t, stdout.String(), "thread ", "a row of no goroutine")
	picture, err := os.ReadFile(filepath.Join(cmd.Dir, "gilhandoff.svg"))
	require.NoError(t, err)
	require.NotContains(t, string(picture), ">thread ")
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"-n", "0"}, {"-max", "0"}, {"-width", "3"}, {"-svg", "no/p.svg"}, {"extra"}, {"-nonsense"},
	} {
		err := program(t, args...).Run()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%v", args)
	}
	require.NoError(t, program(t, "-h").Run())
}

func TestNoFiles(t *testing.T) {
	out, err := program(t, "-files", t.TempDir()).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "give another folder with -files")
}

func TestSampleIsEven(t *testing.T) {
	require.Equal(t, []string{"a", "c", "e"}, sample([]string{"a", "b", "c", "d", "e", "f"}, 3))
	require.Equal(t, []string{"a"}, sample([]string{"a"}, 3))
}
