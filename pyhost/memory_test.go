package pyhost_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const memoryLimit = 64 << 20

func init() { inChild("memoryLimit", limitedMemory) }

func TestMemoryLimit(t *testing.T) {
	if rt.Info().Python.FreeThreaded {
		t.Skip("free-threaded builds have no such limit")
	}
	_, errs := apart(t, "memoryLimit")
	require.Empty(t, errs)
	_, errs = apart(t, "memoryLimit", "PYTHONMALLOC=debug")
	require.Empty(t, errs)
}

func limitedMemory(t require.TestingT) {
	cfg := patient
	cfg.MemoryLimit, cfg.UseEnvironment = memoryLimit, os.Getenv("PYTHONMALLOC") != ""
	rt := mustOpen(t, cfg)
	require.NoError(t, rt.Exec(bg, "import gc"))
	for _, code := range []string{
		"x = bytearray(100 << 20)",
		"x = []\nwhile True: x.append(bytes(1000))",
		"x = []\nwhile True: x.append(object())",
		"x = 'ab' * (100 << 20)",
		"x = 'a'\nwhile True: x += x",
		"x, i = {}, 0\nwhile True: x[i] = i = i + 1",
		"x = 1\nwhile True: x = x << (1 << 20)",
		"x = [list(range(1000)) for i in range(10**9)]",
	} {
		code = "def fill():\n  " + strings.ReplaceAll(code, "\n", "\n  ") + "\nfill()"
		before := rt.Stats().MemoryBytes
		err := rt.Exec(bg, code)
		require.ErrorIs(t, err, pyhost.MemoryError, code)
		require.LessOrEqual(t, rt.Stats().MemoryBytes, int64(memoryLimit)+1<<20)
		goes := make([]byte, 2*memoryLimit)
		require.Len(t, goes, 2*memoryLimit, "Go's memory is not counted")
		require.NoError(t, rt.Exec(bg, "gc.collect()"), code)
		require.Less(t, rt.Stats().MemoryBytes, before+memoryLimit/8, code)
		require.NoError(t, rt.Exec(bg, "y = bytearray(20 << 20)"), code)
		require.Greater(t, rt.Stats().MemoryBytes, int64(20<<20))
		require.NoError(t, rt.Exec(bg, "del y"))
	}
	require.NoError(t, rt.Exec(bg, "x = bytearray(40 << 20)"))
	held := rt.Stats().MemoryBytes
	require.NoError(t, rt.Exec(bg, "del x; gc.collect()"))
	require.Less(t, rt.Stats().MemoryBytes, held-39<<20)
	require.ErrorIs(t, rt.Exec(bg, "x = []\nwhile True: x.append(bytes(1000))"), pyhost.MemoryError)
	require.NoError(t, rt.Close(), "at its limit too")
}
