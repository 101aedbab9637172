//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func TestCall(t *testing.T) {
	rt := start(t, process.Config{Setup: "def add(a, b=2): return a + b"})
	require.NotEqual(t, os.Getpid(), rt.Info().Pid)
	sum, err := pyhost.Call[int](bg, rt, "add", 1, pyhost.Kw{"b": 5})
	require.NoError(t, err)
	require.Equal(t, 6, sum)
	add, err := pyhost.Func[func(ctx context.Context, a, b int) (int, error)](rt, "add")
	require.NoError(t, err)
	sum, err = add(bg, 1, 2)
	require.NoError(t, err)
	require.Equal(t, 3, sum)
	require.NoError(t, rt.Exec(bg, "x = 5"))
	x, err := pyhost.Eval[int](bg, rt, "x * 2")
	require.NoError(t, err)
	require.Equal(t, 10, x)
	pid, err := pyhost.Call[int](bg, rt, "os.getpid")
	require.NoError(t, err)
	require.Equal(t, rt.Info().Pid, pid)
	require.Error(t, rt.Call(bg, "a..b", nil))
	require.Error(t, rt.Call(bg, "add", 5, 1), "a target must be a pointer")
	require.ErrorIs(t, rt.Call(nil, "add", nil), pyhost.ErrNilContext) //nolint:staticcheck // meant
}

type item struct {
	Name  string `py:"name"`
	Price float64
	Tags  []string
	When  time.Time
	Sub   *item
}

func TestValues(t *testing.T) {
	rt := start(t, process.Config{Setup: "def same(x): return x"})
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	when := time.Date(2024, 2, 29, 12, 0, 0, 5000, time.UTC)
	for _, v := range []any{
		nil, true, int64(-5), 2.5, "grüße", []byte{0, 255}, complex(1, 2), huge, when,
		3 * time.Second, []any{int64(1), "x", nil}, pyhost.Tuple{int64(1), pyhost.Tuple{}},
		map[string]any{"a": []any{map[string]any{}}}, map[any]any{int64(1): "x"},
		pyhost.Set{int64(7)}, strings.Repeat("ä", 1<<20), make([]byte, 3<<20),
		slices.Repeat([]any{1.5}, 1e5),
	} {
		got, err := pyhost.Call[any](bg, rt, "same", v)
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
	in := item{"a", 1.5, []string{"x"}, when, &item{Name: "b", Tags: []string{}, When: when}}
	got, err := pyhost.Call[item](bg, rt, "same", in)
	require.NoError(t, err)
	require.Equal(t, in, got)
	list, err := pyhost.Call[[]int](bg, rt, "range", 100_000) // by a shape, as any iterable
	require.NoError(t, err)
	require.Len(t, list, 100_000)
	texts, err := pyhost.Call[map[string][]byte](bg, rt, "same",
		map[string][]byte{"a": bytes.Repeat([]byte("x"), 200_000), "b": []byte("y")})
	require.NoError(t, err)
	require.Len(t, texts["a"], 200_000)
	_, err = pyhost.Call[[]item](bg, rt, "same", []any{map[string]any{"Price": "x"}})
	require.ErrorContains(t, err, "result[0].Price: str into float64")
	_, err = pyhost.Call[any](bg, rt, "same", make(chan<- int))
	require.ErrorContains(t, err, "has no Python form")
}

func TestError(t *testing.T) {
	rt := start(t, process.Config{})
	err := rt.Exec(bg, "def f():\n  raise ValueError('no')\ntry:\n  f()\n"+
		"except ValueError as e:\n  raise KeyError('k') from e", pyhost.Scope{File: "some.py"})
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "KeyError", pe.Type)
	require.Equal(t, "some.py", pe.Frames[0].File)
	require.ErrorIs(t, err, pyhost.LookupError)
	require.ErrorIs(t, err, pyhost.ValueError)
	require.Contains(t, fmt.Sprintf("%+v", err), "direct cause")
	require.ErrorIs(t, rt.Exec(bg, "raise SystemExit(3)"), pyhost.SystemExit)
	require.ErrorIs(t, rt.Exec(bg, "import os; os.fork()"), pyhost.RuntimeError)
	require.ErrorIs(t, rt.Exec(bg, "x = ("), pyhost.SyntaxError)
}

func TestRef(t *testing.T) {
	rt := start(t, process.Config{Setup: `
class Counter:
    alive = 0
    def __init__(self): self.n = 0; Counter.alive += 1
    def __del__(self): Counter.alive -= 1
    def __call__(self, by): self.n += by; return self.n
def total(*counters): return sum(c.n for c in counters)
`})
	ref, err := pyhost.Call[*pyhost.Ref](bg, rt, "Counter")
	require.NoError(t, err)
	other, err := pyhost.Call[any](bg, rt, "Counter")
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(other), "Counter")
	var n int
	require.NoError(t, ref.Call(bg, &n, 5))
	require.NoError(t, ref.Call(bg, &n, 2))
	require.Equal(t, 7, n)
	sum, err := pyhost.Call[int](bg, rt, "total", ref, other, ref)
	require.NoError(t, err)
	require.Equal(t, 14, sum)
	var attrs struct {
		N int `py:"n"`
	}
	require.NoError(t, ref.Decode(bg, &attrs))
	require.Equal(t, 7, attrs.N)

	ref.Close()
	require.Error(t, ref.Call(bg, nil, 1))
	require.ErrorContains(t, rt.Call(bg, "total", nil, ref), "is closed")
	other.(*pyhost.Ref).Close()
	// Given back at the next attach.
	require.Eventually(t, func() bool {
		alive, err := pyhost.Eval[int](bg, rt, "Counter.alive")
		return err == nil && alive == 0
	}, 10*time.Second, time.Millisecond)

	ns, err := rt.NewNamespace(bg)
	require.NoError(t, err)
	require.NoError(t, rt.Exec(bg, "secret = 1", pyhost.Scope{Namespace: ns}))
	require.NoError(t, rt.Eval(bg, "secret", nil, pyhost.Scope{Namespace: ns}))
	require.ErrorIs(t, rt.Eval(bg, "secret", nil), pyhost.NameError)
	known, err := pyhost.Call[bool](bg, rt, "operator.contains", ns, "secret")
	require.NoError(t, err)
	require.True(t, known, "a Namespace is passed as its dict")

	elsewhere := start(t, process.Config{})
	lost, err := pyhost.Call[*pyhost.Ref](bg, elsewhere, "object")
	require.NoError(t, err)
	require.ErrorIs(t, rt.Call(bg, "total", nil, lost), pyhost.ErrOtherRuntime)
	require.ErrorIs(t, elsewhere.Call(bg, "len", nil, ns), pyhost.ErrOtherRuntime)
	kill(t, elsewhere)
	require.Eventually(t, func() bool {
		return errors.Is(lost.Decode(bg, new(any)), process.ErrGone)
	}, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, elsewhere.Call(bg, "id", nil, lost), process.ErrGone)
}

func TestStreams(t *testing.T) {
	var out, errs bytes.Buffer
	rt := start(t, process.Config{Stdout: &out, Stderr: &errs})
	for i := range 100 {
		require.NoError(t, rt.Exec(bg, fmt.Sprintf("import sys, os; print(%d); "+
			"print('e', file=sys.stderr); os.write(1, b'direct\\n')", i)))
		require.True(t, strings.HasSuffix(out.String(), fmt.Sprintf("%d\ndirect\n", i)), i)
		require.Equal(t, i+1, strings.Count(errs.String(), "e\n"))
	}
	require.NoError(t, rt.Exec(bg, "import threading\n"+
		"t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()"))
	require.True(t, strings.HasSuffix(out.String(), "thread\n"))
	// What never ends keeps no call waiting.
	require.NoError(t, rt.Exec(bg, "import subprocess; subprocess.Popen(['yes'])"))
	require.NoError(t, rt.Call(bg, "len", nil, "x"))
}

func TestEnvironment(t *testing.T) {
	t.Setenv("PYHOST_TEST_SECRET", "s")
	t.Setenv("PYHOST_TEST_PUBLIC", "p")
	dir := t.TempDir()
	rt := start(t, process.Config{Inherit: []string{"PATH", "PYHOST_TEST_PUB*"}, Dir: dir,
		Env: map[string]string{"OWN": "o"}, Args: []string{"prog", "x"}})
	env, err := pyhost.Eval[map[string]string](bg, rt, "dict(__import__('os').environ)")
	require.NoError(t, err)
	require.Equal(t, "p", env["PYHOST_TEST_PUBLIC"])
	require.Equal(t, "o", env["OWN"])
	require.NotContains(t, env, "PYHOST_TEST_SECRET")
	require.NotContains(t, fmt.Sprint(env), "PYHOST_PROCESS")
	cwd, err := pyhost.Call[string](bg, rt, "os.getcwd")
	require.NoError(t, err)
	require.Equal(t, dir, cwd)
	bare := start(t, process.Config{Inherit: []string{}})
	env, err = pyhost.Eval[map[string]string](bg, bare, "dict(__import__('os').environ)")
	require.NoError(t, err)
	require.Empty(t, env)
	args, err := pyhost.Eval[[]string](bg, rt, "__import__('sys').argv")
	require.NoError(t, err)
	require.Equal(t, []string{"prog", "x"}, args)
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	rt, err := process.Start(bg, process.Config{CloseTimeout: 200 * time.Millisecond,
		Setup: "import atexit\natexit.register(lambda: open('" + dir + "/bye', 'w').close())\n" +
			"def spin():\n  while True: pass"})
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- rt.Call(bg, "spin", nil) }()
	require.Eventually(t, func() bool { return rt.Stats().Pending == 1 }, 10*time.Second,
		time.Millisecond)
	require.NoError(t, rt.Close())
	require.NoError(t, rt.Close())
	err = <-ended
	require.ErrorIs(t, err, pyhost.ErrClosed)
	require.ErrorIs(t, rt.Call(bg, "len", nil, "x"), pyhost.ErrClosed)
	require.FileExists(t, dir+"/bye")
}

func TestConfig(t *testing.T) {
	for _, cfg := range []process.Config{
		{Grace: -1}, {MaxThreads: -1}, {Env: map[string]string{"": "x"}}, {Command: []string{""}},
		{Limits: process.Limits{Memory: -1}}, {Command: []string{"/nowhere/program"}},
		{Python: "/nowhere/python"}, {Dir: "/nowhere"},
	} {
		_, err := process.Start(bg, cfg)
		require.Error(t, err)
	}
	_, err := process.Start(bg, process.Config{Setup: "raise ValueError('setup')"})
	require.ErrorIs(t, err, pyhost.ValueError)
}

type point struct {
	X int `py:"x"`
	Y int `py:"y"`
}

func TestRegister(t *testing.T) {
	rt := start(t, process.Config{Setup: `
import dataclasses
@dataclasses.dataclass
class Point:
    x: int
    y: int
def mirror(p):
    assert type(p) is Point
    return [Point(p.y, p.x)]
`})
	require.NoError(t, process.Register[point](bg, rt, "Point"))
	require.ErrorContains(t, process.Register[point](bg, rt, "Point"), "registered already")
	require.ErrorIs(t, process.Register[item](bg, rt, "Nothing"), pyhost.NameError)
	for range 2 { // the next worker knows it too
		got, err := pyhost.Call[any](bg, rt, "mirror", point{1, 2})
		require.NoError(t, err)
		require.Equal(t, []any{point{2, 1}}, got)
		kill(t, rt)
	}
}

// numpy, which no sub-interpreter takes, runs in workers.
func TestNumpy(t *testing.T) {
	const setup = "import numpy\ndef squares(n): return numpy.arange(n) ** 2.0"
	p, err := process.NewPool(bg, process.PoolConfig{Size: 2, Config: process.Config{Setup: setup}})
	if errors.Is(err, pyhost.ModuleNotFoundError) {
		t.Skip("this Python has no numpy")
	}
	require.NoError(t, err)
	defer p.Close()
	got, err := pyhost.Call[[]float64](bg, p, "squares", 100_000)
	require.NoError(t, err)
	require.Len(t, got, 100_000)
	require.InDelta(t, 9, got[3], 0)
	sum, err := pyhost.Call[float64](bg, p, "numpy.sum", []float64{1, 2})
	require.NoError(t, err)
	require.InDelta(t, 3, sum, 0)
}
