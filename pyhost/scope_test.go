package pyhost_test

import (
	"errors"
	"iter"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// counted makes a class whose living instances are counted.
const counted = `
class Counted:
    alive = 0
    def __init__(self): Counted.alive += 1
    def __del__(self): Counted.alive -= 1
`

func alive(t testing.TB, th *pyhost.Thread) (n int) {
	t.Helper()
	require.NoError(t, eval(t, th, "Counted.alive").Decode(&n))
	return n
}

func TestScope(t *testing.T) {
	mustExec(t, counted)
	attached(t, func(th *pyhost.Thread) {
		before := eval(t, th, "Counted()")
		var inner, escaped, twice *pyhost.Object
		var kept *pyhost.Ref
		require.NoError(t, th.Scope(func() (err error) {
			require.NoError(t, th.Scope(func() (err error) {
				inner = eval(t, th, "Counted()")
				kept = eval(t, th, "Counted()").Keep()
				escaped, err = eval(t, th, "Counted()").Escape()
				require.NoError(t, err)
				require.Equal(t, 4, alive(t, th))
				return nil
			}))
			require.Equal(t, 3, alive(t, th))
			twice, err = escaped.Escape()
			return err
		}))
		_, err := inner.Str()
		require.ErrorIs(t, err, pyhost.ErrScopeEnded)
		_, err = escaped.Str()
		require.ErrorIs(t, err, pyhost.ErrScopeEnded)
		_, err = twice.Str()
		require.NoError(t, err)
		require.Equal(t, 3, alive(t, th))
		same, err := before.Escape()
		require.NoError(t, err)
		require.Same(t, before, same)
		kept.Close()
	})
	attached(t, func(th *pyhost.Thread) { require.Zero(t, alive(t, th)) })
}

func TestScopeEndsWhateverFnDoes(t *testing.T) {
	mustExec(t, counted)
	attached(t, func(th *pyhost.Thread) {
		make1 := func() { eval(t, th, "Counted()") }
		want := errors.New("of fn")
		require.Equal(t, want, th.Scope(func() error { make1(); return want }))
		require.Panics(t, func() { _ = th.Scope(func() error { make1(); panic("fn") }) })
		require.Zero(t, alive(t, th))
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = rt.Do(bg, func(th *pyhost.Thread) error {
			return th.Scope(func() error { eval(t, th, "Counted()"); runtime.Goexit(); return nil })
		})
	})
	wg.Wait()
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	require.NoError(t, th.Scope(func() error {
		eval(t, th, "Counted()")
		return th.Scope(func() error { eval(t, th, "Counted()"); th.Release(); return nil })
	}))
	attached(t, func(th *pyhost.Thread) { require.Zero(t, alive(t, th)) })
}

func TestObjectIter(t *testing.T) {
	mustExec(t, counted+`
ended = 0
def generate(n, fail=False):
    global ended
    try:
        for i in range(n): yield i
        if fail: raise ValueError("no more")
    finally:
        ended += 1
`)
	attached(t, func(th *pyhost.Thread) {
		sum, last := 0, (*pyhost.Object)(nil)
		for item, err := range eval(t, th, "generate(5)").Iter() {
			require.NoError(t, err)
			var n int
			require.NoError(t, item.Decode(&n))
			eval(t, th, "Counted()")
			require.Equal(t, 1, alive(t, th)) // that of the last round has gone
			sum += n
			if n == 3 {
				last, err = item.Escape()
				require.NoError(t, err)
			}
		}
		require.Equal(t, 10, sum)
		requireRepr(t, "3")(last, nil)
		var first *pyhost.Object
		for item, err := range eval(t, th, "generate(5)").Iter() {
			require.NoError(t, err)
			first = item
			break
		}
		_, err := first.Str()
		require.ErrorIs(t, err, pyhost.ErrScopeEnded)
		requireRepr(t, "1")(th.Eval("ended")) // nobody else has that generator: not so yet
		require.ErrorIs(t, last1(eval(t, th, "generate(2, True)").Iter()), pyhost.ValueError)
		require.ErrorIs(t, last1(eval(t, th, "5").Iter()), pyhost.TypeError)
		require.ErrorIs(t, last1((*pyhost.Object)(nil).Iter()), pyhost.ErrNoObject)
		list := eval(t, th, "[1, 2]")
		for range 2 { // an iterable that is no iterator begins anew
			require.NoError(t, last1(list.Iter()))
		}
		next, stop := iter.Pull2(list.Iter())
		item, err, ok := next()
		require.True(t, ok)
		require.NoError(t, err)
		requireRepr(t, "1")(item, nil)
		stop()
	})
	attached(t, func(th *pyhost.Thread) { requireRepr(t, "3")(th.Eval("ended")) })
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	o := eval(t, th, "generate(5)")
	var errs []error
	for _, err := range o.Iter() {
		errs = append(errs, err)
		th.Release()
	}
	require.Len(t, errs, 2)
	require.ErrorIs(t, errs[1], pyhost.ErrReleased)
	require.ErrorIs(t, last1(o.Iter()), pyhost.ErrReleased)
}

// last1 is the last error of a loop.
func last1(seq iter.Seq2[*pyhost.Object, error]) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

// A million objects in scopes leave nothing behind.
func TestScopesDoNotGrow(t *testing.T) {
	rounds := 1_000_000
	if testing.Short() || instrumented {
		rounds = 20_000
	}
	mustExec(t, "import sys, gc\nclass Row:\n  def __init__(self): self.field = [1]\nrow = Row()")
	attached(t, func(th *pyhost.Thread) {
		o, err := th.Lookup("row")
		require.NoError(t, err)
		one := func() error {
			v, err := o.Attr("field")
			if err != nil {
				return err
			}
			if _, err = v.Item(0); err != nil {
				return err
			}
			if err = o.SetAttr("field", v); err != nil {
				return err
			}
			_, err = v.Call("copy")
			return err
		}
		loop := func(n int) {
			for range n {
				if err := th.Scope(one); err != nil {
					require.NoError(t, err)
				}
			}
			runtime.GC()
		}
		count := func() (n int) {
			require.NoError(t, eval(t, th, "(gc.collect(), "+
				"sys.getallocatedblocks() + 100_000 * sys.getrefcount(row.field))[1]").Decode(&n))
			return n
		}
		loop(rounds / 10)
		blocks, before := count(), resident(t)
		loop(rounds)
		blocks, grown := count()-blocks, resident(t)-before
		require.Less(t, blocks, 1000)
		if !instrumented {
			require.Less(t, grown, int64(8<<20), "resident memory grew by %d bytes", grown)
		}
		t.Logf("%d rounds: blocks %+d, resident %+d kB", rounds, blocks, grown>>10)
	})
}

// Each operation gives back what it takes, when it fails too.
func TestOperationsKeepReferencesBalanced(t *testing.T) {
	mustExec(t, "import sys, gc\nclass Balance:\n  def __contains__(self, x): raise KeyError(x)\n"+
		"held = Balance()\nheld.self_attr = 1\ntable = {}")
	ops := map[string]func(th *pyhost.Thread, o, table *pyhost.Object) error{
		"SetAttr": func(_ *pyhost.Thread, o, _ *pyhost.Object) error { return o.SetAttr("me", o) },
		"DelAttr": func(_ *pyhost.Thread, o, _ *pyhost.Object) error { return o.DelAttr("me") },
		"Attr": func(_ *pyhost.Thread, o, _ *pyhost.Object) error {
			_, err := o.Attr("missing")
			return err
		},
		"SetItem": func(_ *pyhost.Thread, o, table *pyhost.Object) error {
			return errors.Join(table.SetItem("k", o), table.SetItem(o, []any{o}),
				table.DelItem(o), table.DelItem("k"))
		},
		"SetItem of a bad key": func(_ *pyhost.Thread, o, table *pyhost.Object) error {
			return table.SetItem([]any{o}, o)
		},
		"Item": func(_ *pyhost.Thread, o, table *pyhost.Object) error {
			_, err := table.Item(o)
			_, err2 := table.Item([]any{o})
			return errors.Join(err, err2)
		},
		"Contains": func(_ *pyhost.Thread, o, _ *pyhost.Object) error {
			_, err := o.Contains(o)
			return err
		},
		"Compare": func(_ *pyhost.Thread, o, _ *pyhost.Object) error {
			_, err := o.Equal(o)
			_, err2 := o.Compare("<", o)
			_, err3 := o.Binary("+", []any{o})
			return errors.Join(err, err2, err3)
		},
		"Call": func(_ *pyhost.Thread, o, table *pyhost.Object) error {
			_, err := table.Call("get", o, o)
			_, err2 := table.Call("get", o, pyhost.Kw{"bad": o})
			_, err3 := o.Call("", o)
			return errors.Join(err, err2, err3)
		},
		"make": func(th *pyhost.Thread, o, _ *pyhost.Object) error {
			_, err := th.NewDict(o, o, "k", o)
			_, err2 := th.NewDict("k", o, []any{o}, o)
			_, err3 := th.NewList(o, pyhost.Set{o})
			return errors.Join(err, err2, err3)
		},
		"number": func(_ *pyhost.Thread, o, _ *pyhost.Object) error {
			var ref *pyhost.Ref
			err := errors.Join(o.Decode(new(int)), o.Decode(&ref))
			ref.Close()
			return err
		},
		"Is": func(_ *pyhost.Thread, o, _ *pyhost.Object) error {
			_, err := o.Is(o)
			_, err2 := o.Type()
			_, err3 := o.IsInstance([]any{o})
			return errors.Join(err, err2, err3)
		},
		"Iter": func(th *pyhost.Thread, o, _ *pyhost.Object) error {
			list, err := th.NewList(o, o)
			if err != nil {
				return err
			}
			for _, err := range list.Iter() {
				require.NoError(t, err)
				break
			}
			return last1(list.Iter())
		},
	}
	refs := func(th *pyhost.Thread) (n int) {
		require.NoError(t, eval(t, th, "(gc.collect(), sys.getrefcount(held))[1]").Decode(&n))
		return n
	}
	attached(t, func(th *pyhost.Thread) {
		o, err := th.Lookup("held")
		require.NoError(t, err)
		table, err := th.Lookup("table")
		require.NoError(t, err)
		for name, op := range ops {
			before := refs(th)
			for range 50 {
				_ = th.Scope(func() error { _ = op(th, o, table); return nil })
				_ = o.DelAttr("me")
			}
			runtime.GC()
			require.Equal(t, before, refs(th), name)
		}
	})
}
