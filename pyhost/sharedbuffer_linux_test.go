package pyhost_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/shm"
)

// One memory: Go, an interpreter in this process and a plain Python in another.
func TestSharedBuffer(t *testing.T) {
	m, err := shm.NewManager()
	require.NoError(t, err)
	defer m.Close()
	seg, err := m.Create(8 * 6)
	require.NoError(t, err)
	numbers, err := shm.Slice[int64](seg, 0, 6)
	require.NoError(t, err)
	b, err := pyhost.SharedBuffer[int64](seg, 0, 2, 3)
	require.NoError(t, err)
	mustExec(t, `
def put(b, v):
    m = memoryview(b)
    assert m.shape == (2, 3) and m.format == "l" and not m.readonly
    m[1, 2] = v
    global kept
    kept = m`)
	require.NoError(t, rt.Call(bg, "put", nil, b, 7))
	require.Equal(t, int64(7), numbers[5])
	if python := rt.Info().Python.Executable; python != "" {
		out, err := exec.Command(python, "-c", shm.Python+`
import sys
s = SharedMemory(name=sys.argv[1])
view = s.buf.cast("q")
print(view[5])
view[0] = 11
view.release()
s.close()`, seg.Name()).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "7\n", string(out))
		require.Equal(t, int64(11), numbers[0])
	}
	require.ErrorIs(t, b.Close(), pyhost.ErrInUse)
	require.ErrorIs(t, seg.Close(), shm.ErrInUse) // the view keeps it mapped
	first, err := pyhost.Eval[int](bg, rt, "kept[0, 0] + kept[1, 2]")
	require.NoError(t, err)
	require.GreaterOrEqual(t, first, 7)
	mustExec(t, "kept.release(); del kept")

	_, err = pyhost.SharedBuffer[int64](seg, 0, 1)
	require.ErrorIs(t, err, shm.ErrClosed)
	seg, err = m.Create(8)
	require.NoError(t, err)
	for _, shape := range [][]int{{2}, {-1}, {1 << 40, 1 << 40}} {
		_, err = pyhost.SharedBuffer[int64](seg, 0, shape...)
		require.Error(t, err)
	}
	_, err = pyhost.SharedBuffer[int64](seg, 1, 1)
	require.Error(t, err)
	require.NoError(t, seg.Close())
}
