package pyhost_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// objectOps are all operations of an Object that can fail.
var objectOps = map[string]func(o *pyhost.Object) error{
	"Attr":       func(o *pyhost.Object) error { _, err := o.Attr("x"); return err },
	"SetAttr":    func(o *pyhost.Object) error { return o.SetAttr("x", 1) },
	"DelAttr":    func(o *pyhost.Object) error { return o.DelAttr("x") },
	"HasAttr":    func(o *pyhost.Object) error { _, err := o.HasAttr("x"); return err },
	"Item":       func(o *pyhost.Object) error { _, err := o.Item(0); return err },
	"SetItem":    func(o *pyhost.Object) error { return o.SetItem(0, []int{1}) },
	"DelItem":    func(o *pyhost.Object) error { return o.DelItem("k") },
	"Contains":   func(o *pyhost.Object) error { _, err := o.Contains([]int{1}); return err },
	"Len":        func(o *pyhost.Object) error { _, err := o.Len(); return err },
	"Iter":       func(o *pyhost.Object) error { return last1(o.Iter()) },
	"Call":       func(o *pyhost.Object) error { _, err := o.Call("x"); return err },
	"Decode":     func(o *pyhost.Object) error { return o.Decode(new(any)) },
	"Str":        func(o *pyhost.Object) error { _, err := o.Str(); return err },
	"Repr":       func(o *pyhost.Object) error { _, err := o.Repr(); return err },
	"Dir":        func(o *pyhost.Object) error { _, err := o.Dir(); return err },
	"Type":       func(o *pyhost.Object) error { _, err := o.Type(); return err },
	"TypeName":   func(o *pyhost.Object) error { _, err := o.TypeName(); return err },
	"IsInstance": func(o *pyhost.Object) error { _, err := o.IsInstance(o); return err },
	"Is":         func(o *pyhost.Object) error { _, err := o.Is(nil); return err },
	"Truth":      func(o *pyhost.Object) error { _, err := o.Truth(); return err },
	"Hash":       func(o *pyhost.Object) error { _, err := o.Hash(); return err },
	"+":          func(o *pyhost.Object) error { _, err := o.Binary("+", 1); return err },
	"~":          func(o *pyhost.Object) error { _, err := o.Unary("~"); return err },
	"==":         func(o *pyhost.Object) error { _, err := o.Equal(1); return err },
	"Escape":     func(o *pyhost.Object) error { _, err := o.Escape(); return err },
	"Keep": func(o *pyhost.Object) (err error) {
		defer func() { err, _ = recover().(error) }()
		o.Keep()
		return nil
	},
}

// threadOps are all operations of a Thread that can fail.
var threadOps = map[string]func(th *pyhost.Thread) error{
	"Import":   func(th *pyhost.Thread) error { _, err := th.Import("sys"); return err },
	"Module":   func(th *pyhost.Thread) error { _, err := th.Module("sys"); return err },
	"Builtin":  func(th *pyhost.Thread) error { _, err := th.Builtin("len"); return err },
	"Lookup":   func(th *pyhost.Thread) error { _, err := th.Lookup("len"); return err },
	"Value":    func(th *pyhost.Thread) error { _, err := th.Value(1); return err },
	"None":     func(th *pyhost.Thread) error { _, err := th.None(); return err },
	"NewList":  func(th *pyhost.Thread) error { _, err := th.NewList(1); return err },
	"NewTuple": func(th *pyhost.Thread) error { _, err := th.NewTuple(1); return err },
	"NewSet":   func(th *pyhost.Thread) error { _, err := th.NewSet(1); return err },
	"NewDict":  func(th *pyhost.Thread) error { _, err := th.NewDict(1, 2); return err },
	"Exec":     func(th *pyhost.Thread) error { return th.Exec("pass") },
	"Eval":     func(th *pyhost.Thread) error { _, err := th.Eval("1"); return err },
	"Scope":    func(th *pyhost.Thread) error { return th.Scope(func() error { return nil }) },
	"Detach":   func(th *pyhost.Thread) error { return th.Detach(func() {}) },
}

func allFail(t *testing.T, th *pyhost.Thread, o *pyhost.Object, want error) {
	t.Helper()
	for name, op := range objectOps {
		err := op(o)
		require.ErrorIs(t, err, want, name)
		switch name {
		case "None":
		default:
			require.ErrorContains(t, err, name) // it says what was tried
		}
	}
	for name, op := range threadOps {
		if th != nil {
			require.ErrorIs(t, op(th), want, name)
		}
	}
}

func TestEveryMisuseIsAnError(t *testing.T) {
	allFail(t, nil, nil, pyhost.ErrNoObject)
	allFail(t, nil, new(pyhost.Object), pyhost.ErrNoObject)
	for _, th := range []*pyhost.Thread{nil, {}} {
		for name, op := range threadOps {
			require.ErrorIs(t, op(th), pyhost.ErrNoThread, name)
		}
	}
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	o := eval(t, th, "[1]")
	var wg sync.WaitGroup
	wg.Go(func() { allFail(t, th, o, pyhost.ErrWrongThread) })
	wg.Wait()
	require.NoError(t, th.Detach(func() { allFail(t, th, o, pyhost.ErrWrongThread) }))
	var inner *pyhost.Object
	require.NoError(t, th.Scope(func() error { inner = eval(t, th, "[1]"); return nil }))
	allFail(t, nil, inner, pyhost.ErrScopeEnded)
	for name, use := range map[string]func(v any) error{
		"argument": func(v any) error { _, err := o.Call("append", v); return err },
		"value":    func(v any) error { return o.SetItem(0, v) },
		"deep":     func(v any) error { return o.SetAttr("x", map[string]any{"k": []any{v}}) },
		"operand":  func(v any) error { _, err := o.Binary("+", v); return err },
		"list":     func(v any) error { _, err := th.NewList(v); return err },
		"of Value": func(v any) error { _, err := th.Value(v); return err },
		"of Call":  func(v any) error { return rt.Call(bg, "id", nil, v) },
	} {
		require.ErrorIs(t, use(inner), pyhost.ErrScopeEnded, name)
		require.ErrorIs(t, use(new(pyhost.Object)), pyhost.ErrNoObject, name)
		require.ErrorContains(t, use(new(pyhost.Ref)), "refers to nothing", name)
		require.ErrorContains(t, use(&pyhost.Namespace{}), "refers to nothing", name)
	}
	requireRepr(t, "[1]")(o, nil)
	th.Release()
	allFail(t, th, o, pyhost.ErrReleased)
	allFail(t, nil, inner, pyhost.ErrReleased)
	require.Contains(t, o.String(), "released")
	require.NoError(t, rt.Exec(bg, "pass"))
}

// An object may be used through another Thread of its goroutine, which is attached as well.
func TestObjectsOfTwoThreads(t *testing.T) {
	attached(t, func(outer *pyhost.Thread) {
		list := eval(t, outer, "[1]")
		attached(t, func(inner *pyhost.Thread) {
			mine := eval(t, inner, "2")
			_, err := list.Call("append", mine)
			require.NoError(t, err)
			requireTrue(t)(mine.Compare(">", list1(t, list)))
			requireRepr(t, "[1, 2]")(inner.Value(list))
		})
		requireRepr(t, "[1, 2]")(list, nil)
	})
}

func list1(t *testing.T, list *pyhost.Object) *pyhost.Object {
	o, err := list.Item(0)
	require.NoError(t, err)
	return o
}

// Python code that an operation runs is cancelled with the context of its Do.
func TestOperationsAreCancelled(t *testing.T) {
	mustExec(t, "class Endless:\n  def __getattr__(self, name):\n    while True: pass\n"+
		"  def __len__(self):\n    while True: pass\n  __getitem__ = __getattr__\n"+
		"endless = Endless()")
	for _, name := range []string{"Attr", "Len", "Item"} {
		ctx, stop := context.WithTimeout(bg, 30*time.Millisecond)
		err := rt.Do(ctx, func(th *pyhost.Thread) error {
			o, err := th.Lookup("endless")
			require.NoError(t, err)
			return objectOps[name](o)
		})
		stop()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NoError(t, rt.Exec(bg, "pass"))
	}
}
