package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

// main is a program of the tests.
func main() {
	how := flag.String("how", "", "to end")
	Parse("Program is one of the tests.")
	Run("program", func(ctx context.Context) error {
		fmt.Println("runs")
		if *how == "error" {
			return errors.New("it failed")
		}
		<-ctx.Done()
		if *how == "well" {
			return nil
		}
		return fmt.Errorf("the work: %w", ctx.Err())
	})
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"-h"}, 0, "Program is one of the tests.\n"},
		{[]string{"two", "words"}, Misused, "unexpected: two words\n"},
		{[]string{"-no"}, Misused, "flag provided but not defined: -no\n"},
		{[]string{"-how", "error"}, Failed, "runs\nprogram: it failed\n"},
	} {
		cmd := clitest.Program(t, c.args...)
		out, _ := cmd.CombinedOutput() // the exit code tells
		require.Equal(t, c.code, cmd.ProcessState.ExitCode(), "%v", c.args)
		require.Contains(t, string(out), c.text)
	}
}

func TestInterrupt(t *testing.T) {
	for how, code := range map[string]int{"": Interrupted, "well": 0} {
		cmd := clitest.Program(t, "-how", how)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait() // the exit code tells
		require.Equal(t, code, cmd.ProcessState.ExitCode(), how)
	}
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	require.NoError(t, os.WriteFile(there, []byte("text"), 0o600))
	require.NoError(t, Writable("", filepath.Join(dir, "new"), there))
	text, err := os.ReadFile(there)
	require.NoError(t, err)
	require.Equal(t, "text", string(text))
	require.NoFileExists(t, filepath.Join(dir, "new"))
	require.Error(t, Writable(there, dir))
	require.Error(t, Writable(filepath.Join(dir, "no", "new")))
}
