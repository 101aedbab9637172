//go:build linux

package process_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

// Results that are longer than all the shared memory that a worker keeps for the next one.
func TestLongResults(t *testing.T) {
	rt := start(t, process.Config{Setup: apply})
	for _, mb := range []int{60, 70, 65, 200} {
		b, err := pyhost.Call[[]byte](bg, rt, "bytes", mb<<20)
		require.NoError(t, err)
		require.Len(t, b, mb<<20)
	}
	n, err := pyhost.Call[int](bg, rt, "apply", func(b []byte) int { return len(b) },
		make([]byte, 100<<20))
	require.NoError(t, err)
	require.Equal(t, 100<<20, n)
}

// Go functions that are called with values of all lengths at once, each of which waits for the
// others: the memory that came for one is not another's, which would keep it meanwhile.
func TestLongArgumentsAtOnce(t *testing.T) {
	rt := start(t, process.Config{Setup: `
import threading
def threads(f, sizes):
    ready = threading.Barrier(len(sizes))
    def run(n):
        data = bytes(n)
        ready.wait()
        f(data)
    all = [threading.Thread(target=run, args=(n,)) for n in sizes]
    for t in all: t.start()
    for t in all: t.join()
`})
	sizes := []int{1 << 20, 20 << 20, 2 << 20, 30 << 20, 3 << 20, 10 << 20}
	for range 5 {
		var all sync.WaitGroup
		all.Add(len(sizes))
		require.NoError(t, rt.Call(bg, "threads", nil, func([]byte) {
			all.Done()
			all.Wait()
		}, sizes))
	}
}
