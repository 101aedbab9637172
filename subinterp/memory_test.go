package subinterp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

const mb = 1 << 20

// Memory is counted, and bounded, by interpreter.
func TestMemoryByInterpreter(t *testing.T) {
	if mainRT.Info().Python.FreeThreaded {
		t.Skip("free-threaded builds have no such figures")
	}
	each(t, subinterp.Config{MemoryLimit: 64 * mb}, func(t *testing.T, rt *pyhost.Runtime) {
		other, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.SharedGIL})
		require.NoError(t, err)
		used := func(rt *pyhost.Runtime) int { return int(rt.Stats().MemoryBytes) }
		before, main, others := used(rt), used(mainRT), used(other)
		require.Less(t, before, 30*mb)
		exec(t, rt, "x = bytearray(20 << 20)")
		require.InDelta(t, 20*mb, used(rt)-before, mb)
		if minor() >= 13 { // before, small objects lie in what all interpreters share
			exec(t, rt, "y = list(map(str, range(200_000)))")
			require.Greater(t, used(rt)-before, 28*mb)
		}
		require.InDelta(t, main, used(mainRT), mb)
		require.InDelta(t, others, used(other), mb)
		require.ErrorIs(t, rt.Exec(bg, "z = bytearray(60 << 20)"), pyhost.MemoryError)
		fill := "def fill():\n  z = []\n  while True: z.append(bytes(2000))\nfill()"
		require.ErrorIs(t, rt.Exec(bg, fill), pyhost.MemoryError)
		exec(t, other, "z = bytearray(100 << 20); del z")
		exec(t, mainRT, "z = bytearray(100 << 20); del z")
		exec(t, rt, "z = y = x = None; import gc; gc.collect()")
		require.Less(t, used(rt), before+20*mb)
		require.NoError(t, other.Close())
		exec(t, rt, "z = bytearray(20 << 20)")
	})
}

// A runtime of a pool that has grown too large is replaced by one that has not.
func TestPoolMemory(t *testing.T) {
	if freeThreaded() {
		t.Skip("free-threaded builds have no such figures")
	}
	cfg := config(1)
	cfg.MaxMemory = 64 * mb
	pools(t, cfg, func(t *testing.T, p *subinterp.Pool) {
		first := p.Info().Interpreter
		require.NoError(t, p.Exec(bg, "leak = bytearray(8 << 20)"))
		require.NoError(t, p.Exec(bg, "big = bytearray(100 << 20); del big")) // given back in time
		require.NoError(t, p.Exec(bg, "leak"))
		require.Equal(t, first, p.Info().Interpreter)
		require.Zero(t, p.Stats().Renewed)
		for round := range uint64(3) {
			require.NoError(t, p.Exec(bg, "leak = bytearray(80 << 20)"))
			renewed(p, round+1)
			require.ErrorIs(t, p.Exec(bg, "leak"), pyhost.NameError)
		}
		require.NotEqual(t, first, p.Info().Interpreter)
		require.Equal(t, uint64(3), p.Stats().Renewed)
	})
	_, err := subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{MaxMemory: -1})
	require.ErrorIs(t, err, subinterp.ErrConfig)
}
