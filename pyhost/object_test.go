package pyhost_test

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// attached runs a test inside Do.
func attached(t testing.TB, fn func(th *pyhost.Thread)) {
	t.Helper()
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error { fn(th); return nil }))
}

// eval gives the object of an expression.
func eval(t testing.TB, th *pyhost.Thread, expr string) *pyhost.Object {
	t.Helper()
	o, err := th.Eval(expr)
	require.NoError(t, err)
	return o
}

// requireRepr asserts what an operation gave.
func requireRepr(t testing.TB, want string) func(o *pyhost.Object, err error) {
	return func(o *pyhost.Object, err error) {
		t.Helper()
		require.NoError(t, err)
		s, err := o.Repr()
		require.NoError(t, err)
		require.Equal(t, want, s)
	}
}

func requireTrue(t testing.TB) func(got bool, err error) {
	return func(got bool, err error) { t.Helper(); require.NoError(t, err); require.True(t, got) }
}

func requireFalse(t testing.TB) func(got bool, err error) {
	return func(got bool, err error) { t.Helper(); require.NoError(t, err); require.False(t, got) }
}

func TestAttributes(t *testing.T) {
	mustExec(t, `
class Attributes:
    slots = 0
    @property
    def refused(self): raise KeyError("refused")
    def method(self, *args, **kw): return args, kw
`)
	attached(t, func(th *pyhost.Thread) {
		o := eval(t, th, "Attributes()")
		other := eval(t, th, "[1, 2]")
		ref := other.Keep()
		defer ref.Close()
		big := new(big.Int).Lsh(big.NewInt(1), 100)
		for name, v := range map[string]any{
			"i": 7, "f": 1.5, "b": true, "n": nil, "s": "text", "e": "", "l": []int{1, 2},
			"o": other, "r": ref, "d": map[string]any{"k": other}, "": "no name", "a.b": 1,
			"grüße": "ß", "nul\x00": "\x00", "big": big, "bytes": []byte("\xff"),
		} {
			require.NoError(t, o.SetAttr(name, v), name)
			requireTrue(t)(o.HasAttr(name))
			want, err := th.Value(v)
			require.NoError(t, err)
			got, err := o.Attr(name)
			require.NoError(t, err)
			requireTrue(t)(got.Equal(want))
			require.NoError(t, o.DelAttr(name))
			requireFalse(t)(o.HasAttr(name))
			_, err = o.Attr(name)
			require.ErrorIs(t, err, pyhost.AttributeError)
			require.ErrorIs(t, o.DelAttr(name), pyhost.AttributeError)
		}
		_, err := o.HasAttr("refused")
		require.ErrorIs(t, err, pyhost.KeyError)
		_, err = o.Attr("refused")
		require.ErrorContains(t, err, "refused")
		require.ErrorIs(t, eval(t, th, "5").SetAttr("x", 1), pyhost.AttributeError)
		err = o.SetAttr("x", make(chan<- int))
		require.ErrorContains(t, err, "SetAttr")
		require.ErrorContains(t, err, "no Python form")
		requireRepr(t, "((1, [1, 2]), {'k': None})")(o.Call("method", 1, ref, pyhost.Kw{"k": nil}))
		requireRepr(t, "((), {})")(o.Call("method"))
		_, err = o.Call("missing")
		require.ErrorIs(t, err, pyhost.AttributeError)
		names, err := o.Dir()
		require.NoError(t, err)
		require.Subset(t, names, []string{"method", "refused", "__class__"})
	})
}

// More names than are kept still work.
func TestManyAttributes(t *testing.T) {
	attached(t, func(th *pyhost.Thread) {
		o := eval(t, th, "type('Many', (), {'method': lambda self, n: n})()")
		names := 5000
		for i := range names {
			name := fmt.Sprintf("name%d", i)
			require.NoError(t, o.SetAttr(name, i))
			require.NoError(t, o.SetAttr(name, []string{name}))
			v, err := o.Attr(name)
			require.NoError(t, err)
			requireTrue(t)(v.Contains(name))
		}
		n, err := eval(t, th, "vars").Call("", o)
		require.NoError(t, err)
		count, err := n.Len()
		require.NoError(t, err)
		require.Equal(t, names, count)
		requireRepr(t, "7")(o.Call("method", 7))
	})
}

func TestItems(t *testing.T) {
	attached(t, func(th *pyhost.Thread) {
		d, err := th.NewDict()
		require.NoError(t, err)
		pair, err := th.NewTuple(1, "x")
		require.NoError(t, err)
		long := strings.Repeat("k", 100_000)
		for i, key := range []any{"key", "", "grüße\x00", long, 1, -1 << 62, 1.5, true, nil, pair,
			pyhost.Tuple{pair, 2}} {
			require.NoError(t, d.SetItem(key, i))
			requireTrue(t)(d.Contains(key))
			v, err := d.Item(key)
			require.NoError(t, err)
			var got int
			require.NoError(t, v.Decode(&got))
			require.Equal(t, i, got)
			if key != true { // which is the same key as 1
				require.NoError(t, d.SetItem(key, "text"))
				requireRepr(t, "'text'")(d.Item(key))
				require.NoError(t, d.DelItem(key))
				requireFalse(t)(d.Contains(key))
			}
			require.NoError(t, d.SetItem(key, []any{d}))
		}
		_, err = d.Item("missing")
		require.ErrorIs(t, err, pyhost.KeyError)
		_, err = d.Item([]int{1})
		require.ErrorIs(t, err, pyhost.TypeError)
		require.ErrorIs(t, d.SetItem([]int{1}, 1), pyhost.TypeError)
		require.ErrorIs(t, d.DelItem("missing"), pyhost.KeyError)
		_, err = d.Contains([]int{})
		require.ErrorIs(t, err, pyhost.TypeError)
		require.ErrorContains(t, d.SetItem("k", make(chan<- int)), "SetItem")
		list := eval(t, th, "[10, 20, 30]")
		requireRepr(t, "30")(list.Item(-1))
		_, err = list.Item(3)
		require.ErrorIs(t, err, pyhost.IndexError)
		cut, err := eval(t, th, "slice").Call("", 1, nil)
		require.NoError(t, err)
		requireRepr(t, "[20, 30]")(list.Item(cut))
		require.NoError(t, list.DelItem(cut))
		n, err := list.Len()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		_, err = eval(t, th, "5").Len()
		require.ErrorIs(t, err, pyhost.TypeError)
		_, err = eval(t, th, "5").Contains(5)
		require.ErrorIs(t, err, pyhost.TypeError)
	})
}

func TestMakingObjects(t *testing.T) {
	attached(t, func(th *pyhost.Thread) {
		one := eval(t, th, "object()")
		list, err := th.NewList(1, "x", one, nil)
		require.NoError(t, err)
		got, err := list.Item(2)
		require.NoError(t, err)
		requireTrue(t)(got.Is(one))
		requireRepr(t, "[]")(th.NewList())
		requireRepr(t, "()")(th.NewTuple())
		requireRepr(t, "(1, [2])")(th.NewTuple(1, []int{2}))
		requireRepr(t, "set()")(th.NewSet())
		requireRepr(t, "{1}")(th.NewSet(1, 1))
		requireRepr(t, "{}")(th.NewDict())
		requireRepr(t, "{'b': 1, 'a': [2], 3: None}")(
			th.NewDict("b", 1, "a", []int{2}, 3, nil))
		_, err = th.NewDict("key")
		require.ErrorContains(t, err, "a key without a value")
		_, err = th.NewDict([]int{}, 1)
		require.ErrorIs(t, err, pyhost.TypeError)
		_, err = th.NewList(1, make(chan<- int))
		require.ErrorContains(t, err, "NewList")
		none, err := th.None()
		require.NoError(t, err)
		requireTrue(t)(none.Is(nil))
		requireFalse(t)(one.Is(nil))
		requireRepr(t, "'text'")(th.Value("text"))
		requireRepr(t, "[1.5]")(th.Value([]float64{1.5}))
		ref := one.Keep()
		defer ref.Close()
		back, err := th.Value(ref)
		require.NoError(t, err)
		requireTrue(t)(back.Is(one))
	})
}

func TestLookingUp(t *testing.T) {
	mustExec(t, "looked_up = 41\ndef area(r): return r * r\nlen_hidden = len")
	attached(t, func(th *pyhost.Thread) {
		requireRepr(t, "41")(th.Lookup("looked_up"))
		fn, err := th.Lookup("json.dumps")
		require.NoError(t, err)
		requireRepr(t, "'[1]'")(fn.Call("", []int{1}))
		_, err = th.Lookup("missing")
		require.ErrorIs(t, err, pyhost.NameError)
		_, err = th.Lookup("a..b")
		require.ErrorContains(t, err, "not a dotted name")
		length, err := th.Builtin("len")
		require.NoError(t, err)
		requireRepr(t, "2")(length.Call("", "xy"))
		_, err = th.Builtin("looked_up")
		require.ErrorIs(t, err, pyhost.NameError)
		require.ErrorContains(t, err, "builtin 'looked_up' is not defined")
		_, err = th.Module("sys")
		require.NoError(t, err)
		_, err = th.Module("antigravity")
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		require.ErrorContains(t, err, "not loaded")
		_, err = th.Import("no_such_module")
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		path, err := th.Import("os.path")
		require.NoError(t, err)
		requireRepr(t, "'a/b'")(path.Call("join", "a", "b"))
	})
}

func TestCodeOfAThread(t *testing.T) {
	ns, err := rt.NewNamespace(bg)
	require.NoError(t, err)
	defer ns.Close()
	attached(t, func(th *pyhost.Thread) {
		in := pyhost.Scope{Namespace: ns, File: "own.py"}
		for range 2 { // the second time it is compiled already
			require.NoError(t, th.Exec("x = 20\ndef f(): return x + 1", in))
			requireRepr(t, "21")(th.Eval("f()", in))
		}
		_, err := th.Eval("x_of_nobody")
		require.ErrorIs(t, err, pyhost.NameError)
		require.ErrorIs(t, th.Exec("def ("), pyhost.SyntaxError)
		err = th.Exec("1 / 0", in)
		require.ErrorIs(t, err, pyhost.ZeroDivisionError)
		require.Contains(t, fmt.Sprintf("%+v", err), "own.py")
		require.ErrorContains(t, th.Exec("\x00"), "NUL")
		globals, err := th.Value(ns)
		require.NoError(t, err)
		require.NoError(t, globals.SetItem("x", 1))
		requireRepr(t, "2")(th.Eval("f()", in))
		n, err := pyhost.Call[int](bg, rt, "len", ns)
		require.NoError(t, err)
		require.GreaterOrEqual(t, n, 4)
	})
}

func TestDecodeNumbers(t *testing.T) {
	attached(t, func(th *pyhost.Thread) {
		var i int
		var i64 int64
		var f float64
		o := eval(t, th, "12")
		for range 3 {
			require.NoError(t, o.Decode(&i))
			require.NoError(t, o.Decode(&i64))
			require.NoError(t, o.Decode(&f))
		}
		require.Equal(t, []any{12, int64(12), 12.0}, []any{i, i64, f})
		require.NoError(t, eval(t, th, "1.5").Decode(&f))
		require.InDelta(t, 1.5, f, 0)
		require.ErrorContains(t, eval(t, th, "'x'").Decode(&i), "str into int")
		require.ErrorContains(t, eval(t, th, "1.5").Decode(&i), "float into int")
		require.Error(t, eval(t, th, "1 << 70").Decode(&i))
		require.NoError(t, o.Decode(nil))
		require.Error(t, o.Decode(i))
	})
}

func TestTypes(t *testing.T) {
	mustExec(t, "class Shape: pass\nclass Circle(Shape): pass")
	attached(t, func(th *pyhost.Thread) {
		c, shape := eval(t, th, "Circle()"), eval(t, th, "Shape")
		name, err := c.TypeName()
		require.NoError(t, err)
		require.Equal(t, "Circle", name)
		class, err := c.Type()
		require.NoError(t, err)
		requireTrue(t)(class.Is(eval(t, th, "Circle")))
		requireTrue(t)(c.IsInstance(shape))
		requireTrue(t)(c.IsInstance(pyhost.Tuple{shape, class}))
		requireFalse(t)(c.IsInstance(eval(t, th, "int")))
		_, err = c.IsInstance(5)
		require.ErrorIs(t, err, pyhost.TypeError)
		require.Equal(t, "[1]", fmt.Sprint(eval(t, th, "[1]")))
	})
}
