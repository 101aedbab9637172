package pyhost_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestValuesComeBackAsTheyWent(t *testing.T) {
	mustExec(t, "def echo(x): return x")
	huge := new(big.Int).Exp(big.NewInt(7), big.NewInt(400), nil)
	deep := any("bottom")
	for range 500 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"none": nil, "true": true, "false": false,
		"int": int64(-42), "max": int64(math.MaxInt64), "min": int64(math.MinInt64),
		"huge": huge, "minus huge": new(big.Int).Neg(huge),
		"float": 1.5, "infinity": math.Inf(-1), "minus zero": math.Copysign(0, -1),
		"empty": "", "text": "grüße, 世界 🐍", "nul": "a\x00b", "long": strings.Repeat("xyzé", 1000),
		"bytes": []byte("\x00\xff"), "no bytes": []byte{},
		"list": []any{int64(1), "two", nil}, "tuple": pyhost.Tuple{int64(1), pyhost.Tuple{}},
		"dict": map[string]any{"a": int64(1), "b": []any{1.5}}, "deep": deep,
		"keys":      map[any]any{int64(1): "one", "two": int64(2), 1.5: nil},
		"not UTF-8": "caf\xe9", "big list": make([]any, 5000),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pyhost.Call[any](bg, rt, "echo", v)
			require.NoError(t, err)
			require.Equal(t, v, got)
		})
	}
}

func TestTypedValues(t *testing.T) {
	mustExec(t, "def echo(x): return x")
	require.Equal(t, uint64(math.MaxUint64), echo(t, uint64(math.MaxUint64)))
	require.Equal(t, []int64{1, -2}, echo(t, []int64{1, -2}))
	require.Equal(t, []float64{1, 2.5}, echo(t, []float64{1, 2.5}))
	require.Equal(t, []string{"a", ""}, echo(t, []string{"a", ""}))
	require.Equal(t, [2]int8{1, -128}, echo(t, [2]int8{1, -128}))
	require.Equal(t, map[string][]int{"a": {1}}, echo(t, map[string][]int{"a": {1}}))
	require.Equal(t, map[int]float32{3: 1.5}, echo(t, map[int]float32{3: 1.5}))
	require.Equal(t, []byte{1}, echo(t, []byte{1}))
	require.Nil(t, echo[*int](t, nil))
	seven := 7
	require.Equal(t, &seven, echo(t, &seven))
	require.Equal(t, big.NewInt(5), echo(t, big.NewInt(5)))
	require.Nil(t, echo[map[string]int](t, nil))
}

func echo[T any](t *testing.T, v T) T {
	got, err := pyhost.Call[T](bg, rt, "echo", v)
	require.NoError(t, err)
	return got
}

func TestWhatDoesNotFitIsAnErrorThatSaysWhere(t *testing.T) {
	fails := func(expr string, out any, want string) {
		t.Helper()
		require.ErrorContains(t, rt.Eval(bg, expr, out), want)
	}
	fails("'x'", new(int), "result: str into int")
	fails("[1, 2, 'x']", new([]int), "result[2]: str into int")
	fails("{'a': [1.5]}", new(map[string][]int), `result["a"][0]: float into int`)
	fails("300", new(uint8), "300 overflows uint8")
	fails("-1", new(uint), "-1 overflows uint")
	fails("2**70", new(int), "too large")
	fails("1e300", new(float32), "overflows float32")
	fails("[1]", new([2]int), "list of 1 into [2]int")
	fails("[object()]", new([]int), "result[0]: object into int")
	fails("object()", new(string), "object into string")
	fails("1", 7, "non-nil pointer")
	fails("1", (*int)(nil), "non-nil pointer")
	fails("{(): [], ((1,),): 1, frozenset(): 1}", new(map[string]int), "tuple into string")
}

func TestArgumentsWithoutPythonForm(t *testing.T) {
	cycle := map[string]any{}
	cycle["self"] = cycle
	for _, v := range []any{make(chan<- int), []any{1, make(chan<- int)}, cycle} {
		err := rt.Call(bg, "len", nil, v)
		require.ErrorContains(t, err, "argument 1")
	}
	mustExec(t, "x = []; x.append(x)")
	require.ErrorIs(t, rt.Eval(bg, "x", new(any)), pyhost.ValueError)
	mustExec(t, "x = []\nfor _ in range(100000): x = [x]")
	require.ErrorIs(t, rt.Eval(bg, "x", new(any)), pyhost.ValueError)
	mustExec(t, "while x: x = x[0]") // freed bit by bit: not part of the test
}

func TestKeywordArgumentsComeLast(t *testing.T) {
	kw := pyhost.Kw{"b": 1}
	for _, args := range [][]any{{kw, 1}, {kw, kw}, {1, kw, pyhost.Kw{}}} {
		err := rt.Call(bg, "dict", nil, args...)
		require.ErrorContains(t, err, "a Kw must be the last argument, and there can be only one")
	}
	got, err := pyhost.Call[[]any](bg, rt, "list", []any{kw})
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"b": int64(1)}}, got, "inside a value it is a dict")
}

func TestErrorOfACycleIsShort(t *testing.T) {
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	err := rt.Call(bg, "len", nil, []any{ring})
	require.Regexp(t, `argument 1\[0\]\.Next\.Next.*….*\.Next: value is nested deeper`, err)
	require.Less(t, len(err.Error()), 500)
}

func TestNames(t *testing.T) {
	mustExec(t, "class K:\n  @staticmethod\n  def f(): return 'K.f'\n")
	for name, want := range map[string]string{
		"K.f": "K.f", "os.path.basename": "c", "str.upper": "A/B/C", "repr": "'a/b/c'",
		"xml.dom.minidom.Text.__name__.upper": "TEXT", "urllib.parse.quote": "a/b/c",
	} {
		var args []any
		if !strings.HasPrefix(name, "K") && !strings.HasPrefix(name, "xml") {
			args = []any{"a/b/c"}
		}
		got, err := pyhost.Call[string](bg, rt, name, args...)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
	}
	for name, want := range map[string]error{
		"nothing_of_that_name": pyhost.NameError, "nothing.here": pyhost.ModuleNotFoundError,
		"os.nothing": pyhost.AttributeError, "os.path.nothing.here": pyhost.AttributeError,
	} {
		require.ErrorIs(t, rt.Call(bg, name, nil), want, name)
	}
	for _, bad := range []string{"", ".", "a.", ".a", "a..b", "a\x00b"} {
		require.ErrorContains(t, rt.Call(bg, bad, nil), "not a dotted name", "%q", bad)
	}
}

func TestARedefinedFunctionIsTheOneCalled(t *testing.T) {
	for i := range 3 {
		mustExec(t, "def f(): return "+string(rune('0'+i)))
		got, err := pyhost.Call[int](bg, rt, "f")
		require.NoError(t, err)
		require.Equal(t, i, got)
	}
}

func TestKeywordArguments(t *testing.T) {
	got, err := pyhost.Call[string](bg, rt, "json.dumps", map[string]any{"a": 1},
		pyhost.Kw{"indent": 1})
	require.NoError(t, err)
	require.Equal(t, "{\n \"a\": 1\n}", got)
	require.ErrorIs(t, rt.Call(bg, "json.dumps", nil, 1, pyhost.Kw{"nothing": 1}), pyhost.TypeError)
	many := make([]any, 100)
	for i := range many {
		many[i] = i
	}
	var sum int
	mustExec(t, "def total(*a, **k): return sum(a) + sum(k.values())")
	require.NoError(t, rt.Call(bg, "total", &sum, append(many, pyhost.Kw{"x": 50})...))
	require.Equal(t, 5000, sum)
}

func TestFunc(t *testing.T) {
	gcd, err := pyhost.Func[func(ctx context.Context, a, b int) (int, error)](rt, "math.gcd")
	require.NoError(t, err)
	n, err := gcd(bg, 12, 18)
	require.NoError(t, err)
	require.Equal(t, 6, n)
	join, err := pyhost.Func[func(parts ...string) (string, error)](rt, "posixpath.join")
	require.NoError(t, err)
	s, err := join("a", "b", "c")
	require.NoError(t, err)
	require.Equal(t, "a/b/c", s)
	collect, err := pyhost.Func[func() error](rt, "gc.collect")
	require.NoError(t, err)
	require.NoError(t, collect())
	_, err = pyhost.Func[func(int) int](rt, "abs")
	require.ErrorContains(t, err, "results must be")
	_, err = pyhost.Func[int](rt, "abs")
	require.ErrorContains(t, err, "not a function type")
}

func TestExecAndEval(t *testing.T) {
	ns, err := rt.NewNamespace(bg)
	require.NoError(t, err)
	in := pyhost.Scope{File: "plan.py", Namespace: ns}
	require.NoError(t, rt.Exec(bg, "import math\ndef area(r): return math.pi * r * r", in))
	for range 3 {
		a, err := pyhost.Eval[float64](bg, rt, "area(2)", in)
		require.NoError(t, err)
		require.InDelta(t, 4*math.Pi, a, 1e-12)
	}
	require.ErrorIs(t, rt.Eval(bg, "area(2)", nil), pyhost.NameError, "not in __main__")
	err = rt.Exec(bg, "\n\narea('x')", in)
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "plan.py", pe.Frames[0].File)
	require.Equal(t, 3, pe.Frames[0].Line)
	require.Equal(t, "area", pe.Frames[1].Function)
	require.ErrorContains(t, rt.Exec(bg, "x = 1\x00"), "holds a NUL")
	require.ErrorContains(t, rt.Exec(bg, "", in, in), "one at most")
	ns.Close()
	require.ErrorContains(t, rt.Exec(bg, "x = 1", in), "closed")
}

func TestCodeIsCompiledOnce(t *testing.T) {
	mustExec(t, `
import sys
if "compiled" not in globals():
    compiled = []
    def hook(event, args):
        if event == "compile" and str(args[1]).startswith("once"): compiled.append(args[1])
    sys.addaudithook(hook)
`)
	file := fmt.Sprintf("once%d.py", time.Now().UnixNano()) // not yet seen, with -count too
	for range 100 {
		got, err := pyhost.Eval[int](bg, rt, "20 + 22", pyhost.Scope{File: file})
		require.NoError(t, err)
		require.Equal(t, 42, got)
	}
	n, err := pyhost.Call[int](bg, rt, "compiled.count", file)
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestNilContext(t *testing.T) {
	var none context.Context
	require.ErrorIs(t, rt.Call(none, "len", nil, ""), pyhost.ErrNilContext)
	require.ErrorIs(t, rt.Exec(none, "1"), pyhost.ErrNilContext)
	require.ErrorIs(t, rt.Do(none, func(*pyhost.Thread) error { return nil }), pyhost.ErrNilContext)
}
