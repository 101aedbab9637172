package main

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

const log = `2025-06-24 14:36:25 startup archives unpack
2025-06-24 14:36:25 upgrade libsystemd0:amd64 252.36-1~deb12u1 252.38-1~deb12u1
2025-06-24 14:36:26 status installed libsystemd0:amd64 252.38-1~deb12u1
2025-06-24 14:36:26 status installed libc-bin:amd64 2.36-9+deb12u10
what is this
127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
`

func TestStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte(log), 0o600))
	out, err := clitest.Program(t, "-log", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "6 lines\n       2 status\n       1 (no sense)\n       1 GET\n"+
		"       1 startup\n       1 upgrade\n", string(out))
	out, err = clitest.Program(t, "-log", path, "-n", "2").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "2 lines\n       1 startup\n       1 upgrade\n", string(out))
	out, err = clitest.Program(t, "-log", path+"x").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "stream: FileNotFoundError:")
}

func TestBadFlags(t *testing.T) {
	out, err := clitest.Program(t, "-n", "-3").CombinedOutput()
	require.Error(t, err)
	require.Equal(t, "stream: want 0 lines or more\n", string(out))
}

// It goes on as the log grows, and ends with Ctrl-C.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	cmd := clitest.Program(t, "-log", path, "-follow")
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	out := bufio.NewScanner(pipe)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	for _, line := range []string{"2025-06-24 14:36:25 startup archives",
		"2025-06-24 14:36:26 upgrade x"} {
		_, err := f.WriteString(line + "\n")
		require.NoError(t, err)
		require.True(t, out.Scan())
		require.Equal(t, line, out.Text())
	}
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.True(t, out.Scan())
	require.Equal(t, "2 lines", out.Text())
	for out.Scan() {
	}
	require.NoError(t, cmd.Wait())
}
