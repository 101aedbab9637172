//go:build linux

package shm_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

// process is one that is talked to by lines.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr strings.Builder
}

func startPython(t testing.TB, exe, script string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	module := filepath.Join(dir, "pyhost_shm.py")
	require.NoError(t, os.WriteFile(module, []byte(shm.Python), 0o600))
	cmd := exec.Command(exe, append([]string{"-c", script}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONUTF8=1")
	return startProcess(t, cmd)
}

func startProcess(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd}
	cmd.Stderr = &p.stderr
	var err error
	p.in, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewReader(out)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return p
}

func (p *process) say(t testing.TB, line string) {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	require.NoError(t, err)
}

func (p *process) line(t testing.TB) string {
	t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(t, err, "%s", p)
	return strings.TrimSuffix(line, "\n")
}

// String is what it says on stderr, when it has ended.
func (p *process) String() string {
	_ = p.Wait()
	return p.stderr.String()
}

func (p *process) wait(t testing.TB) {
	t.Helper()
	p.in.Close()
	require.NoError(t, p.Wait(), "%s", &p.stderr)
	require.Empty(t, p.stderr.String(), "a warning of Python's")
}
