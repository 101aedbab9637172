package subinterp_test

import (
	"context"
	"encoding/json"
	osexec "os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// executor times Python's own pool of interpreters: seconds a call of nothing, all handed in at
// once, and seconds an echo of 8 MB.
const executor = `
import concurrent.futures, json, time
with concurrent.futures.InterpreterPoolExecutor(2) as pool:
    for _ in range(4): pool.submit(len, ()).result()
    n, start = 300, time.perf_counter()
    for f in [pool.submit(len, ()) for _ in range(n)]: f.result()
    call = (time.perf_counter() - start) / n
    data = bytes(8 << 20)
    pool.submit(bytes, data).result()
    start = time.perf_counter()
    for _ in range(20): pool.submit(bytes, data).result()
    print(json.dumps([call, (time.perf_counter() - start) / 20]))
`

// BenchmarkExecutor: a pool of two beside Python's own InterpreterPoolExecutor of two. An echo is a
// copy each way; the same bytes are handed over as a Buffer too, which Python writes to in place.
func BenchmarkExecutor(b *testing.B) {
	if minor() < 14 {
		b.Skip("InterpreterPoolExecutor is new in Python 3.14")
	}
	p, err := subinterp.NewPool(bg, mainRT, subinterp.PoolConfig{Size: 2})
	require.NoError(b, err)
	require.NoError(b, p.Each(bg, func(ctx context.Context, rt *pyhost.Runtime) error {
		return rt.Exec(ctx, "def touch(b):\n  with memoryview(b) as m: m[0] = 1")
	}))
	data := make([]byte, 8<<20)
	buf, err := pyhost.NewWritableBuffer(data)
	require.NoError(b, err)
	var theirs [2]float64
	var call, echo, touch []time.Duration
	for b.Loop() {
		out, err := osexec.Command(mainRT.Info().Python.Executable, "-I", "-c", executor).Output()
		require.NoError(b, err)
		require.NoError(b, json.Unmarshal(out, &theirs))
		call = append(call, timed(b, func() error {
			for range 20_000 {
				if err := p.Call(bg, "len", nil, pyhost.Tuple{}); err != nil {
					return err
				}
			}
			return nil
		}))
		echo = append(echo, timed(b, func() error {
			for range 20 {
				if err := p.Call(bg, "bytes", new([]byte), data); err != nil {
					return err
				}
			}
			return nil
		}))
		touch = append(touch, timed(b, func() error {
			for range 20 {
				if err := p.Call(bg, "touch", nil, buf); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(theirs[0]/(median(call).Seconds()/20_000), "calls/executor's")
	b.ReportMetric(theirs[1]/(median(echo).Seconds()/20), "echoes/executor's")
	b.ReportMetric(theirs[1]/(median(touch).Seconds()/20), "in-place/executor's")
	require.NoError(b, buf.Close())
	require.NoError(b, p.Close())
}
