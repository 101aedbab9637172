package pyhost_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

const odd = `
class Liar(list):
    __len__ = lambda self: 10**9
class HalfWay:
    def __getitem__(self, i):
        if i == 3: raise KeyError("half way")
        return i
def gen():
    yield 1
    raise KeyError("half way")
class Raises:
    def __raise(self, *args): raise KeyError("no")
    __eq__ = __hash__ = __repr__ = __str__ = __del__ = __len__ = __bool__ = __raise
    __iter__ = __index__ = __float__ = __fspath__ = __getattr__ = __raise
class Hash(int):
    def __hash__(self): raise KeyError("no hash")
class Key(str):
    def __eq__(self, other): raise KeyError("no equal")
    __hash__ = str.__hash__
class Growing:
    def __init__(self, d): self.d = d
    @property
    def x(self):
        self.d[len(self.d)] = 1
        return 1
def growing():
    d = {}
    d["a"] = Growing(d)
    return d
class Shrinking:
    def __init__(self, items): self.items = items
    @property
    def x(self):
        del self.items[1:]
        return 1
def shrinking():
    items = []
    items += [Shrinking(items), 2, 3]
    return items
def deep(n, wrap):
    v = 0
    for _ in range(n): v = wrap(v)
    return v
def recurse(n): return recurse(n + 1)
class Endless:
    @property
    def x(self): return self.x
    def __iter__(self): return iter(self)
def cycle():
    d = {}
    d["d"] = [d]
    return d
class Keys:
    def keys(self): return ["a", "b"]
    def __getitem__(self, k): raise LookupError(k)
`

func TestOddPythonValues(t *testing.T) {
	mustExec(t, variety+odd)
	fails := func(expr string, out any, want ...any) {
		t.Helper()
		err := rt.Eval(bg, expr, out)
		require.Error(t, err, expr)
		for _, w := range want {
			switch w := w.(type) {
			case string:
				require.ErrorContains(t, err, w, expr)
			case error:
				require.ErrorIs(t, err, w, expr)
			}
		}
		require.NoError(t, rt.Exec(bg, "pass"))
	}
	before := allocated(t)
	for range 50 {
		fails("HalfWay()", new([]int), pyhost.KeyError)
		fails("gen()", new([]any), pyhost.KeyError)
		fails("Raises()", new([]any), pyhost.KeyError)
		fails("Raises()", new(point), pyhost.KeyError)
		fails("Raises()", new(string), pyhost.KeyError)
		fails("[1, Raises()]", new([]int), "result[1]: Raises into int")
		if freeThreaded() { // there they are read as they were at first
			require.NoError(t, rt.Eval(bg, "growing()", new(map[string]point)))
			fails("shrinking()", new([]point), "int into pyhost_test.point")
		} else {
			fails("growing()", new(map[string]point), pyhost.RuntimeError,
				"changed while it was read")
			fails("shrinking()", new([]point), pyhost.IndexError)
		}
		fails("{Key('x'): 1}", new(point), pyhost.KeyError, "no equal")
		fails("Keys()", new(map[string]int), pyhost.LookupError)
		fails("cycle()", new(any), "cycle")
		fails("Endless()", new(point), pyhost.RecursionError)
		fails("Endless()", new([]int), pyhost.RecursionError)
		fails("recurse(0)", new(int), pyhost.RecursionError)
		fails("{b'a': 1, 'a': 2}", new(any), `two keys of the dict are "a" in Go`)
		fails("{1: 2, 1.5: 3}", new(map[int]int), "result key: float into int")
		fails("{frozenset(): 1}", new(any), "cannot be a key in Go")
		fails("{'a': [{'price': 'x'}]}", new(map[string][]struct {
			Price float64 `py:"price"`
		}), `result["a"][0].price: str into float64`)
		fails("datetime.timedelta.max", new(any), "overflows time.Duration")
		fails("decimal.Decimal('nan')", new(big.Rat), pyhost.ValueError)
		fails("object()", new(point), "object into pyhost_test.point")
		fails("(1, 2, 3)", new(point), "tuple into pyhost_test.point")
		fails("'text'", new([]string), "str into []string")
		fails("b'text'", new(string), "bytes into string")
		fails("'text'", new([]byte), "str into []uint8")
		fails("1.5", new(int), "float into int")
		fails("2**63", new(int64), "int too large for int64")
		fails("True", new(int), "bool into int")
		fails("7", new(bool), "int into bool")
		fails("__import__('array').array('b', [-1])", new([]byte), "result[0]: -1 overflows uint8")
		fails("memoryview(b'abcd').cast('B', [2, 2])", new([]byte), "array of 2 dimensions")
		fails("range(3)", new([2]int), "list of 3 into [2]int")
		fails("b'abc'", new([2]byte), "bytes of 3 into [2]uint8")
	}
	require.Less(t, allocated(t)-before, 3000)
	for wrap, v := range map[string]any{"lambda v: [v]": new(any), "lambda v: (v,)": new(any),
		"lambda v: {'a': v}": new(any), "lambda v: [v] ": new([]any)} {
		fails("deep(100_000, "+wrap+")", v, "nested deeper than 1000 levels")
	}
	require.NoError(t, rt.Eval(bg, "deep(900, lambda v: [v])", new(any)))
	n, err := pyhost.Eval[[]int](bg, rt, "Liar([1])")
	require.NoError(t, err)
	require.Equal(t, []int{1}, n)
	m, err := pyhost.Eval[map[float64]int](bg, rt, "{float('nan'): 1}")
	require.NoError(t, err)
	require.Len(t, m, 1)
	huge, err := pyhost.Eval[*big.Int](bg, rt, "1 << 8_000_000")
	require.NoError(t, err)
	require.Equal(t, 8_000_001, huge.BitLen())
	s, err := pyhost.Eval[string](bg, rt, `'a\0\ud800'`)
	require.NoError(t, err)
	require.Equal(t, "a\x00\xed\xa0\x80", s)
}

func allocated(t testing.TB) int {
	t.Helper()
	mustExec(t, "import gc; gc.collect()")
	n, err := pyhost.Call[int](bg, rt, "sys.getallocatedblocks")
	require.NoError(t, err)
	return n
}

func TestOddGoValues(t *testing.T) {
	type list struct{ Next *list }
	var long *list
	for range 100_000 {
		long = &list{long}
	}
	var deep any = 1
	for range 100_000 {
		deep = []any{deep}
	}
	type m map[string]m
	ring := m{}
	ring["a"] = ring
	type hidden struct{ x int }
	before := 0
	for i := range 21 {
		if i == 1 { // modules have been imported
			before = allocated(t)
		}
		for want, v := range map[string]any{
			"nested deeper than 1000 levels": long, "levels or a cycle": deep, "cycle": ring,
			"none of its fields is exported": hidden{1}, "hidden has": []any{hidden{1}},
			"strings.Reader has no Python form: for a file object pass pyhost.File{IO: r}": strings.
				NewReader("x"),
			"[1]: chan<- int has no Python form": []any{1, make(chan<- int)},
			`["a"].F: chan<- int has no Python`: map[string]any{
				"a": struct{ F chan<- int }{make(chan<- int)}},
			"argument 1[0]: pyhost_test.roman: no such number": []roman{0},
			"*errors.errorString":                              errors.New("x"),
		} {
			err := rt.Call(bg, "id", nil, v)
			require.ErrorContains(t, err, strings.TrimPrefix(want, "*errors."))
		}
		require.ErrorIs(t, rt.Call(bg, "id", nil, pyhost.Set{[]any{}}), pyhost.TypeError)
		require.ErrorIs(t, rt.Call(bg, "id", nil, pyhost.Decimal("no")), pyhost.Exception)
	}
	require.Less(t, allocated(t)-before, 3000)
	mustExec(t, odd)
	hash, err := pyhost.Eval[*pyhost.Ref](bg, rt, "Hash(1)")
	require.NoError(t, err)
	defer hash.Close()
	for _, v := range []any{pyhost.Set{hash}, map[any]any{hash: 1}} {
		require.ErrorIs(t, rt.Call(bg, "id", nil, v), pyhost.KeyError)
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 8<<20)
	got, err := pyhost.Call[*big.Int](bg, rt, "abs", new(big.Int).Neg(huge))
	require.NoError(t, err)
	require.Zero(t, huge.Cmp(got))
	keys := map[float64]int{math.NaN(): 1, math.Inf(1): 2}
	keys[math.NaN()] = 3
	n, err := pyhost.Call[int](bg, rt, "len", keys)
	require.NoError(t, err)
	require.Equal(t, 3, n)
}

// hwm is the most memory that the process has had at once, in bytes, since the last call.
func hwm(t require.TestingT) int {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kb, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0))
	return kb << 10
}

func init() {
	inChild("peak", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{})
		const size = 100 << 20
		require.NoError(t, rt.Exec(bg, fmt.Sprintf("n = %d\ndef new(kind): return kind * n\n"+
			"ints = [7] * (n // 8)\nfloats = [.5] * (n // 8)", size)))
		peak := func(name string, limit float64, get func() error) {
			runtime.GC()
			hwm(t)
			before := hwm(t)
			require.NoError(t, get())
			require.Less(t, float64(hwm(t)-before)/size, limit, name)
		}
		peak("bytes", 2.2, func() error {
			_, err := pyhost.Call[[]byte](bg, rt, "new", []byte("x"))
			return err
		})
		peak("str", 2.2, func() error {
			_, err := pyhost.Call[string](bg, rt, "new", "x")
			return err
		})
		peak("any", 2.2, func() error {
			_, err := pyhost.Call[any](bg, rt, "new", "x")
			return err
		})
		peak("ints", 2.2, func() error { return rt.Eval(bg, "ints", new([]int)) })
		peak("floats", 2.2, func() error { return rt.Eval(bg, "floats", new([]float64)) })
		require.NoError(t, rt.Close())
	})
}

func TestPeakOfALargeResult(t *testing.T) {
	if instrumented {
		t.Skip("the race detector and AddressSanitizer have memory of their own")
	}
	out, errs := apart(t, "peak")
	require.Empty(t, out+errs)
}

// Large blobs are copied once, from where they are: alone, nested, and in calls that are cancelled.
func TestLargeBlobs(t *testing.T) {
	big := strings.Repeat("é", 100_000)
	data := []byte(big)
	mustExec(t, "def both(s, b, d): return [s, b, d['s'], d['b'], s.encode() == b]")
	ctx, stop := context.WithCancel(bg)
	defer stop()
	for _, ctx := range []context.Context{bg, ctx} {
		got, err := pyhost.Call[[]any](ctx, rt, "both", big, data,
			map[string]any{"s": big, "b": data})
		require.NoError(t, err)
		require.Equal(t, []any{big, data, big, data, true}, got)
	}
	n, err := pyhost.Call[int](bg, rt, "len", "\xff"+big)
	require.NoError(t, err)
	require.Equal(t, 100_001, n)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ctx, stop := context.WithTimeout(bg, time.Duration(i)*100*time.Microsecond)
			defer stop()
			mine := bytes.Repeat([]byte{byte(i)}, 1<<20)
			got, err := pyhost.Call[[]byte](ctx, rt, "bytes", mine)
			if errors.Is(err, context.DeadlineExceeded) {
				return
			}
			if err != nil || !bytes.Equal(mine, got) {
				t.Error("other bytes came back, or", err)
			}
		})
	}
	wg.Wait()
}

// picky is an argument and a target that panics.
type picky struct{}

func (picky) MarshalPython() (any, error) { panic("not this") }
func (*picky) UnmarshalPython(any) error  { panic("not that") }

// What is large is pinned meanwhile: Go ends a program that loses a pin.
func TestPanicOfConversionKeepsNothing(t *testing.T) {
	large, live := make([]byte, 1<<20), cgo.LiveValues()
	fn := func() {}
	for _, ctx := range []context.Context{bg, deadline(t, time.Minute)} {
		require.Panics(t, func() { _ = rt.Call(ctx, "len", nil, large, fn, picky{}) })
		require.Panics(t, func() { _ = rt.Call(ctx, "list", new(picky), large) })
	}
	mustExec(t, "def call(f): return f()")
	err := rt.Call(bg, "call", nil, func() []any { return []any{large, picky{}} })
	var pe *pyhost.PanicError
	require.ErrorAs(t, err, &pe)
	for range 3 {
		runtime.GC()
	}
	mustExec(t, "pass") // gives back what was let go meanwhile
	require.LessOrEqual(t, cgo.LiveValues(), live)
}
