//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/examples/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, main) }

// The demonstration fails if a request of others is not answered.
func TestDemonstration(t *testing.T) {
	out, err := clitest.Program(t, "-workers", "2", "-timeout", "5s").CombinedOutput()
	text := string(out)
	require.NoError(t, err, text)
	for _, want := range []string{
		"with 2 workers of Python 3.",
		"GET /segfault: 502 after ", "was ended by signal 11 (segmentation fault)\n",
		`| Fatal Python error: Segmentation fault`, " in segfault\n",
		"GET /hang: 504 after 5", "abandoned",
		"GET /leak?mb=2000: 507 after ", ": MemoryError\n",
		"workers that held 160 MB were replaced, 2 so far\n",
		" requests answered, 0 not; ",
	} {
		require.Contains(t, text, want)
	}
}

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestServe(t *testing.T) {
	cmd := clitest.Program(t, "-serve", "127.0.0.1:0", "-workers", "2", "-timeout", "1m")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	printed := bufio.NewReader(stdout)
	line, err := printed.ReadString('\n')
	require.NoError(t, err)
	url := strings.Fields(line)[2]

	code, index := get(t, url)
	require.Equal(t, http.StatusOK, code)
	for _, path := range []string{"/answer?n=", "/segfault ", "/hang ", "/leak?mb=", "/stats "} {
		line, err := printed.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, path)
		require.Contains(t, index, line)
	}
	code, body := get(t, url+"/answer?n=4")
	require.Equal(t, http.StatusOK, code)
	var answer struct{ Sum int }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	require.Equal(t, 14, answer.Sum)
	for range 3 {
		code, body = get(t, url+"/segfault")
		require.Equal(t, http.StatusBadGateway, code, body)
		code, _ = get(t, url+"/answer?n=4")
		require.Equal(t, http.StatusOK, code)
	}
	code, _ = get(t, url+"/answer?n=many")
	require.Equal(t, http.StatusBadRequest, code)
	code, body = get(t, url+"/stats")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `"Size":2`)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), stderr.String())
	require.Contains(t, stderr.String(), "segmentation fault")
}

func TestBadFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"want 1 worker": {"-workers", "0"}, "want a loopback address": {"-serve", "0.0.0.0:0"},
		"listen tcp": {"-serve", "127.0.0.1:none"},
	} {
		out, err := clitest.Program(t, args...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), want)
	}
}

// It starts no Python to learn that the address cannot be had: there is none.
func TestAddressComesFirst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for address, want := range map[string]string{
		l.Addr().String(): "address already in use", "0.0.0.0:0": "want a loopback address",
	} {
		cmd := clitest.Program(t, "-serve", address)
		cmd.Env = append(cmd.Env, "PYHOST_PYTHON=none")
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), want)
	}
}
