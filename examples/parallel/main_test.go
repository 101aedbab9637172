package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

func TestParallel(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "out.svg")
	out, err := clitest.Output(t, "-files", "20", "-workers", "3", "-svg", svg)
	require.NoError(t, err, out)
	for _, line := range []string{"20 files of Python 3.", "Python alone ", "one interpreter ",
		"pool, shared GIL ", "pool, own GILs ", "most often: token "} {
		require.Contains(t, out, line)
	}
	f, err := os.Open(svg)
	require.NoError(t, err)
	defer f.Close()
	for d := xml.NewDecoder(f); err == nil; {
		_, err = d.Token()
	}
	require.ErrorIs(t, err, io.EOF)
}

// Ctrl-C ends it, and leaves the picture of the last time where it is.
func TestInterrupt(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "out.svg")
	require.NoError(t, os.WriteFile(svg, []byte("good"), 0o600))
	cmd := clitest.Program(t, "-files", "0", "-svg", svg)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, " files of Python 3.")
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, cli.Interrupted, cmd.ProcessState.ExitCode())
	require.Equal(t, "parallel: interrupted\n", stderr.String())
	require.NotContains(t, string(rest), "most often")
	text, err := os.ReadFile(svg)
	require.NoError(t, err)
	require.Equal(t, "good", string(text))
}

// All that is written fits into the picture, at 8 units a character at most.
func TestPictureHoldsItsText(t *testing.T) {
	var out bytes.Buffer
	b := bench{ways: []way{
		{name: "slow", took: 999_999 * time.Millisecond, memory: 9999 << 20},
		{name: "none", why: strings.Repeat("long ", 50)},
	}}
	b.draw(&out)
	text := regexp.MustCompile(`x="(\d+)"[^>]*>(?:<title>[^<]*</title>)?([^<]*)</text>`)
	found := text.FindAllStringSubmatch(out.String(), -1)
	require.Len(t, found, 5)
	for _, f := range found {
		x, err := strconv.Atoi(f[1])
		require.NoError(t, err)
		require.LessOrEqual(t, x+8*utf8.RuneCountInString(f[2]), 800, f[2])
	}
}

func TestBadFlags(t *testing.T) {
	out, err := clitest.Output(t, "-workers", "0")
	require.Error(t, err)
	require.True(t, strings.HasPrefix(out, "parallel: want"), out)
}
