package pyhost_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

type options struct {
	Indent int    `py:"indent"`
	Sep    string `py:"sep"`
	Deep   []int  `py:"deep"`
}

func TestFunctionsOfGo(t *testing.T) {
	call := func(fn any, expr string) (any, error) {
		return pyhost.Call[any](bg, rt, "apply_go", fn, expr)
	}
	mustExec(t, `
def apply_go(f, expr):
    return eval(expr, {"f": f})
`)
	type point struct{ X, Y int }
	for _, c := range []struct {
		fn   any
		expr string
		want any
	}{
		{func(a, b int) int { return a + b }, "f(2, 3)", int64(5)},
		{func(a, b int) int { return a + b }, "f(-2**62, -2**62)", int64(-1 << 63)},
		{func(x float64) float64 { return x / 2 }, "f(3)", 1.5},
		{func(x, y float64) float64 { return x / y }, "f(3, 2.0)", 1.5},
		{func() int { return 7 }, "f()", int64(7)},
		{func() {}, "f()", nil},
		{func(s string) string { return strings.ToUpper(s) }, "f('maß')", strings.ToUpper("maß")},
		{func(b bool) bool { return !b }, "f(True)", false},
		{func(s ...string) string { return strings.Join(s, "+") }, "f()", ""},
		{func(s ...string) string { return strings.Join(s, "+") }, "f('a', 'b', 'c')", "a+b+c"},
		{func(n int, s ...any) int { return n + len(s) }, "f(1, *range(40))", int64(41)},
		{func(p point) int { return p.X * p.Y }, "f({'X': 3, 'Y': 4})", int64(12)},
		{func(p point) int { return p.X * p.Y }, "f(X=3, Y=4)", int64(12)},
		{func(p *point) any { return p }, "f(None)", nil},
		{func(m map[string]int, l []float64) (int, float64) { return m["a"], l[1] },
			"f({'a': 1}, (0, 2))", pyhost.Tuple{int64(1), 2.0}},
		{func(a int, o options) string { return fmt.Sprint(a, o) },
			"f(1, indent=2, deep=range(3))", "1 {2  [0 1 2]}"},
		{func(a int, o options) string { return fmt.Sprint(a, o) }, "f(1)", "1 {0  []}"},
		{func(v any) any { return v }, "f({'k': [1, 2.5, None, b'x']})",
			map[string]any{"k": []any{int64(1), 2.5, nil, []byte("x")}}},
		{func(b []byte) []byte { return append(b, 1) }, "f(b'x' * 100000)[-2:]", []byte{'x', 1}},
		{func(s string) string { return s + "!" }, "f('é' * 70000)[-2:]", "é!"},
		{func() func(int) int { return func(n int) int { return n * n } }, "f()(12)", int64(144)},
		{func() (any, error) { return 1, nil }, "f()", int64(1)},
		{pyhost.Function{Func: func(a, b int) int { return a - b }, Params: []string{"a", "b"}},
			"f(b=1, a=10)", int64(9)},
		{func(ctx context.Context, n int) int { return n + 1 }, "f(1)", int64(2)},
		{func(th *pyhost.Thread, o *pyhost.Object) (*pyhost.Object, error) {
			return o.Call("upper")
		}, "f('attached')", "ATTACHED"},
		{func(r *pyhost.Ref) *pyhost.Ref { return r }, "f(f) is f", true},
	} {
		got, err := call(c.fn, c.expr)
		require.NoError(t, err, "%T %s", c.fn, c.expr)
		require.Equal(t, c.want, got, "%T %s", c.fn, c.expr)
	}
}

func TestFunctionArguments(t *testing.T) {
	mustExec(t, `
def raised(f, expr):
    try:
        eval(expr, {"f": f})
    except Exception as e:
        return f"{type(e).__name__}: {e}"
`)
	add := pyhost.Function{Func: func(a, b int) int { return a + b }, Params: []string{"a", "b"},
		Name: "add"}
	for expr, want := range map[string]string{
		"f(1)":                   "TypeError: add() missing required argument b",
		"f(1, 2, 3)":             "TypeError: add() takes 2 positional arguments but 3 were given",
		"f(1, 'x')":              "TypeError: add() argument 'b': str into int",
		"f(1, 2.5)":              "TypeError: add() argument 'b': float into int",
		"f(1, None)":             "TypeError: add() argument 'b': None into int",
		"f(1, 2**70)":            "TypeError: add() argument 'b': int too large for int",
		"f(1, a=2)":              "TypeError: add() got multiple values for argument 'a'",
		"f(1, c=2)":              "TypeError: add() got an unexpected keyword argument 'c'",
		"f(*range(99))":          "TypeError: add() takes 2 positional arguments but 99 were given",
		"f(1, **{'\\udc80': 1})": "TypeError: add() got an unexpected keyword argument '?'",
	} {
		got, err := pyhost.Call[string](bg, rt, "raised", add, expr)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	deep := pyhost.Function{Func: func(m map[string][]int8) {}, Name: "deep"}
	got, err := pyhost.Call[string](bg, rt, "raised", deep, "f({'a': [1, 2, 300]})")
	require.NoError(t, err)
	require.Equal(t, "TypeError: deep() argument 1[\"a\"][2]: 300 overflows int8", got)
	for _, bad := range []any{
		pyhost.Function{Func: 1}, pyhost.Function{}, pyhost.Function{Func: func(a int) {},
			Params: []string{"a", "b"}}, pyhost.Function{Func: func(a, b int) {},
			Params: []string{"a", "a"}},
		pyhost.Function{Func: func(a int) {}, Params: []string{"if"}},
		func(o *pyhost.Object) {},
	} {
		require.Error(t, rt.Call(bg, "id", nil, bad))
	}
	require.NoError(t, rt.Call(bg, "id", nil, (func())(nil)))
}

type myError struct{ code int }

func (e *myError) Error() string { return fmt.Sprintf("code %d", e.code) }

func TestErrorsOfFunctions(t *testing.T) {
	mustExec(t, `
def through(f):
    return f()
def caught(f):
    try:
        f()
    except Exception as e:
        return f"{type(e).__module__}.{type(e).__name__}: {e}"
`)
	mine := &myError{7}
	fails := func(err error) func() error { return func() error { return err } }
	err := rt.Call(bg, "through", nil, func() (int, error) { return 0, fmt.Errorf("it: %w", mine) })
	var me *myError
	require.ErrorAs(t, err, &me)
	require.Same(t, mine, me)
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "pyhost.GoError", pe.Type)
	require.Equal(t, "it: code 7", pe.Message)
	require.ErrorIs(t, err, pyhost.RuntimeError)
	if !immortals(rt) { // there a place of Go in the traceback would never be freed
		last := pe.Frames[len(pe.Frames)-1]
		require.Contains(t, last.File, "function_test.go")
		require.Contains(t, last.Function, "TestErrorsOfFunctions")
		require.Positive(t, last.Line)
		require.Contains(t, fmt.Sprintf("%+v", err), "function_test.go")
	}
	for want, err := range map[string]error{
		"builtins.ValueError: bad":           fmt.Errorf("%w: bad", pyhost.ValueError),
		"builtins.FileNotFoundError: file":   &fs.PathError{},
		"builtins.EOFError: EOF":             io.EOF,
		"builtins.TimeoutError: context":     context.DeadlineExceeded,
		"pyhost.GoError: context canceled":   context.Canceled,
		"pyhost.GoError: no.such.Class":      pyhost.ExceptionClass("no.such.Class"),
		"pyhost.GoError: UnicodeDecodeError": pyhost.UnicodeDecodeError,
	} {
		if want == "builtins.FileNotFoundError: file" {
			err, want = fs.ErrNotExist, "builtins.FileNotFoundError: file does not exist"
		}
		got, e := pyhost.Call[string](bg, rt, "caught", fails(err))
		require.NoError(t, e)
		require.True(t, strings.HasPrefix(got, want), got)
		require.ErrorIs(t, rt.Call(bg, "through", nil, fails(err)), err)
	}
	// An exception that a nested call raised keeps its class, and what it was is behind it.
	err = rt.Call(bg, "through", nil, func() error { return rt.Exec(bg, "{}['lost']") })
	require.ErrorIs(t, err, pyhost.KeyError)
	require.Contains(t, err.Error(), "lost")
}

func TestPanicInFunction(t *testing.T) {
	mustExec(t, "def through(f): return f()")
	for _, f := range []any{
		func() { panic("boom") },
		func() int { var p *place; return p.X },
		func(th *pyhost.Thread) { panic(io.ErrUnexpectedEOF) },
		func(ctx context.Context) error { panic("ctx") },
	} {
		err := rt.Call(bg, "through", nil, f)
		var p *pyhost.PanicError
		require.ErrorAs(t, err, &p)
		require.Contains(t, string(p.Stack), "function_test.go")
		var pe *pyhost.PythonError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, "pyhost.Panic", pe.Type)
		require.Contains(t, fmt.Sprintf("%+v", err), "function_test.go")
		require.Contains(t, fmt.Sprintf("%+v", err), "goroutine ")
	}
	err := rt.Call(bg, "through", nil, func(th *pyhost.Thread) { panic(io.ErrUnexpectedEOF) })
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, pyhost.RuntimeError)
}

func TestModule(t *testing.T) {
	require.NoError(t, rt.Module(bg, "hosted", pyhost.Members{
		"__doc__": "Made in Go.",
		"PI":      3.25, "NAMES": []string{"a"},
		"add": pyhost.Function{Func: func(a, b int) int { return a + b },
			Doc: "add gives the sum.", Params: []string{"a", "b"}},
		"dump": func(v any, o options) string { return fmt.Sprint(v, o.Indent) },
		"rest": func(n int, more ...string) {},
	}))
	require.NoError(t, rt.Module(bg, "hostedpkg.sub.mod", pyhost.Members{"x": 1}))
	mustExec(t, `
import hosted, inspect, hostedpkg.sub.mod
from hosted import add
from hostedpkg.sub.mod import x
assert x == hostedpkg.sub.mod.x == 1
assert hosted.__doc__ == "Made in Go." and hosted.PI == 3.25 and hosted.NAMES == ["a"]
assert add(1, b=2) == 3
assert add.__doc__ == "add gives the sum." and add.__name__ == "add" and add.__module__ == "hosted"
sig = str(inspect.signature(add))
assert sig == "(a: int, b: int) -> int", sig
sig = str(inspect.signature(hosted.dump))
assert sig == ("(arg1: object, arg2: object = None, /, *, "
    "indent: int = 0, sep: str = '', deep: list = None) -> str"), sig
sig = str(inspect.signature(hosted.rest))
assert sig == "(arg1: int, /, *args: str) -> None", sig
assert "add gives the sum" in inspect.getdoc(add)
import pydoc
assert "add gives the sum" in pydoc.render_doc(hosted)
assert repr(add) == "<Go function add>"

class Counter:
    n = 1
    bump = pyhost_bump = hosted.add
assert isinstance(inspect.signature(Counter.bump), inspect.Signature)
`)
	require.Error(t, rt.Module(bg, "json", nil))
	require.Error(t, rt.Module(bg, "hosted", nil))
	require.Error(t, rt.Module(bg, "bad", pyhost.Members{"a b": 1}))
	require.Error(t, rt.Module(bg, "bad", pyhost.Members{"c": make(chan<- int)}))
}
