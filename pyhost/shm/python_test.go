//go:build linux

package shm_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/shm"
	"github.com/pyhost/pyhost/subinterp"
)

// Made in Go, attached in Python, written by both.
func TestGoToPython(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		s := mustCreate(t, 8*1000)
		x, err := shm.Slice[float64](s, 0, 1000)
		require.NoError(t, err)
		for i := range x {
			x[i] = float64(i) / 3
		}
		out := python(t, exe, `
import struct, sys
from pyhost_shm import SharedMemory
seg = SharedMemory(sys.argv[1])
assert seg.name == sys.argv[1] and seg.size == 8000, seg
x = memoryview(seg.buf).cast("d")
assert list(x) == [i / 3 for i in range(1000)]
x[999] = -1.5
x.release()
seg.close()
print("done")`, s.Name())
		require.Equal(t, "done\n", out)
		require.Equal(t, -1.5, x[999]) //nolint:testifylint // it is that very number
		require.True(t, exists(s.Name()))
	})
}

// Made in Python, opened in Go while Python waits, written by both.
func TestPythonToGo(t *testing.T) {
	for _, module := range []string{"multiprocessing.shared_memory", "pyhost_shm"} {
		t.Run(module, func(t *testing.T) {
			eachPython(t, func(t *testing.T, exe string) { pythonToGo(t, exe, module) })
		})
	}
}

func pythonToGo(t *testing.T, exe, module string) {
	p := startPython(t, exe, `
import sys
from `+module+` import SharedMemory
seg = SharedMemory(create=True, size=5000)
seg.buf[:5] = b"hello"
print(seg.name, flush=True)
input()
print(bytes(seg.buf[4990:]).decode(), flush=True)
seg.close()
seg.unlink()`)
	s, err := shm.Open(p.line(t), 5000)
	require.NoError(t, err)
	require.Equal(t, 5000, s.Size())
	require.Equal(t, "hello", string(s.Bytes()[:5]))
	copy(s.Bytes()[4990:], "from go...")
	p.say(t, "")
	require.Equal(t, "from go...", p.line(t))
	p.wait(t)
	require.False(t, exists(s.Name()))
	require.Equal(t, "hello", string(s.Bytes()[:5]), "after Unlink by Python")
	require.NoError(t, s.Close())
}

// Go's segments outlive the processes that attach them, several times, in families too; Python
// alone would have unlinked them. The tracker has the stderr of its Python, so it has ended when
// the end of that was read.
func TestResourceTracker(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		s := mustCreate(t, 100)
		l, err := shm.CreateList("", 1, "two")
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Unlink()); require.NoError(t, l.Close()) }()
		for range 2 {
			out := python(t, exe, `
import multiprocessing, pickle, sys
from multiprocessing import resource_tracker
from pyhost_shm import SharedMemory, ShareableList

def attach(seg):
    with memoryview(seg.buf) as m: return len(m)

if __name__ == "__main__":
    resource_tracker.ensure_running()
    own = SharedMemory(create=True, size=10)
    seg, items = SharedMemory(sys.argv[1]), ShareableList(name=sys.argv[2])
    again = pickle.loads(pickle.dumps(seg))
    assert type(again) is SharedMemory and again.name == seg.name
    more = pickle.loads(pickle.dumps(items))
    assert list(more) == list(items) == [1, "two"], items
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool: assert pool.map(attach, [seg] * 8) == [100] * 8
    for name in sys.argv[1], "absent":
        try: SharedMemory(name, create=name != "absent", size=1)
        except (FileExistsError, FileNotFoundError): pass
        else: assert False
    own.unlink()
    print("done")`, s.Name(), l.Name())
			require.Equal(t, "done\n", out)
			require.True(t, exists(s.Name()))
			require.True(t, exists(l.Name()))
		}
		plain := exec.Command(exe, "-c", "import sys\n"+
			"from multiprocessing.shared_memory import SharedMemory\nSharedMemory(sys.argv[1])",
			s.Name())
		out, err := plain.CombinedOutput() // ends with the tracker, which has it too
		require.NoError(t, err)
		require.Contains(t, string(out), "leaked shared_memory")
		require.False(t, exists(s.Name()), "the tracker has changed: doc.go is to be told")
	})
}

// Unlink in Python, of a segment of Go's.
func TestPythonUnlinks(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		for _, module := range []string{"multiprocessing.shared_memory", "pyhost_shm"} {
			s, err := shm.Create("", 10)
			require.NoError(t, err)
			python(t, exe, "import sys\nfrom "+module+" import SharedMemory\n"+
				"s = SharedMemory(sys.argv[1]); s.close(); s.unlink()", s.Name())
			require.False(t, exists(s.Name()))
			require.NoError(t, s.Close())
		}
	})
}

func TestSetup(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		s := mustCreate(t, 10)
		script := shm.Setup + "import pyhost_shm, sys\n" +
			"assert pyhost_shm.SharedMemory(sys.argv[1]).size == 10\n" +
			"print([n for n in globals() if n[0] != '_'])"
		out, err := exec.Command(exe, "-I", "-c", script, s.Name()).Output()
		require.NoError(t, err)
		require.Equal(t, "['pyhost_shm', 'sys']\n", string(out))
		require.True(t, exists(s.Name()))
	})
}

func init() {
	programs["sub-interpreter"] = func() error {
		ctx := context.Background()
		rt, err := pyhost.Open(pyhost.Config{})
		if err != nil {
			return err
		}
		sub, err := subinterp.New(ctx, rt, subinterp.Config{
			GIL: subinterp.SharedGIL, Setup: shm.Setup,
		})
		if err != nil {
			return err
		}
		l, err := shm.CreateList("", 1, "two")
		if err != nil {
			return err
		}
		err = sub.Exec(ctx, "from pyhost_shm import SharedMemory, ShareableList\n"+
			"def items(name):\n  l = ShareableList(name=name)\n"+
			"  SharedMemory(create=True, size=1).unlink()\n  return list(l)")
		items, callErr := pyhost.Call[[]any](ctx, sub, "items", l.Name())
		fmt.Println(items...)
		return errors.Join(err, callErr, l.Unlink(), l.Close(), sub.Close(), rt.Close())
	}
}

// The module in a sub-interpreter, in the Python that the tests are run on: 3.12 crashes at the end
// over a call that seems harmless.
func TestSetupInSubInterpreter(t *testing.T) {
	out, err := program(t, "sub-interpreter").Output()
	require.NoError(t, err)
	require.Equal(t, "1 two\n", string(out))
}

const values = `[0, -1, 2**63 - 1, -2**63, 0.1, float("inf"), True, False, None, "", "1234567",
    "12345678", "x" * 1000, b"", b"\x00\xff", b"1234567890123456"]`

var goValues = []any{int64(0), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), 0.1,
	math.Inf(1), true, false, nil, "", "1234567", "12345678", strings.Repeat("x", 1000), []byte{},
	[]byte("\x00\xff"), []byte("1234567890123456")}

func TestListToPython(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		l, err := shm.CreateList("", append(goValues, "grüße, 世界", "äöüäöüäö")...)
		require.NoError(t, err)
		defer l.Close()
		defer l.Unlink() //nolint:errcheck // it may have been unlinked
		out := python(t, exe, `
import sys
from pyhost_shm import ShareableList
l = ShareableList(name=sys.argv[1])
want = `+values+` + ["grüße, 世界", "äöüäöüäö"]
assert list(l) == want, list(l)
assert [type(v) for v in l] == [type(v) for v in want]
twin = __import__("multiprocessing.shared_memory").shared_memory.ShareableList(want[:-2])
assert l.format[:len(twin.format)] == twin.format
l[0], l[1], l[2], l[3], l[4] = "seven c", None, True, 1.5, b"bytes"
l[10], l[11] = 7, "now it is 16 byt"
print("done")
twin.shm.unlink()`, l.Name())
		require.Equal(t, "done\n", out)
		items, err := l.Items()
		require.NoError(t, err)
		require.Equal(t, []any{"seven c", nil, true, 1.5, []byte("bytes")}, items[:5])
		require.Equal(t, []any{int64(7), "now it is 16 byt"}, items[10:12])
		require.Equal(t, goValues[12:], items[12:16])
	})
}

func TestListFromPython(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		p := startPython(t, exe, `
from multiprocessing.shared_memory import ShareableList
l, empty = ShareableList(`+values+`), ShareableList([])
print(l.shm.name, empty.shm.name, flush=True)
input()
print(list(l), l.format, flush=True)
l.shm.unlink(); empty.shm.unlink()`)
		var name, empty string
		_, err := fmt.Sscan(p.line(t), &name, &empty)
		require.NoError(t, err)
		none, err := shm.OpenList(empty)
		require.NoError(t, err)
		require.Zero(t, none.Len())
		require.NoError(t, none.Close())
		l, err := shm.OpenList(name)
		require.NoError(t, err)
		items, err := l.Items()
		require.NoError(t, err)
		require.Equal(t, goValues, items)
		for i, v := range []any{"a", []byte("b"), nil, 2.5, uint8(3), true, "grü", 4} {
			require.NoError(t, l.Set(i, v))
		}
		require.NoError(t, l.Set(12, strings.Repeat("y", 1008)))
		require.NoError(t, l.Close())
		p.say(t, "")
		got := p.line(t)
		require.Contains(t, got, "['a', b'b', None, 2.5, 3, True, 'grü', 4, None, ''")
		require.Contains(t, got, strings.Repeat("y", 1008))
		require.Contains(t, got, "8s8sxxxxxx?xdqxxxxxxx?8sqxxxxxx?x8s8s16s1008s8s8s24s")
		p.wait(t)
	})
}
