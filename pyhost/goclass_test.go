package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

type place struct{ X, Y int }

type account struct {
	Owner   string         `py:"owner"`
	Balance int            `py:"balance"`
	Home    place          `py:"home"`
	Tags    map[string]int `py:"tags"`
	closed  bool
}

func (a *account) Deposit(ctx context.Context, n int) (int, error) {
	if ctx == nil || n < 0 {
		return 0, fmt.Errorf("%w: negative", pyhost.ValueError)
	}
	a.Balance += n
	return a.Balance, nil
}
func (a account) String() string { return a.Owner + "'s account" }
func (a *account) Len() int      { return len(a.Tags) }
func (a *account) All() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for _, k := range slices.Sorted(maps.Keys(a.Tags)) {
			if !yield(k, a.Tags[k]) {
				return
			}
		}
	}
}
func (a *account) Get(k string) (int, bool)             { v, ok := a.Tags[k]; return v, ok }
func (a *account) Set(k string, v int)                  { a.Tags[k] = v }
func (a *account) Delete(k string)                      { delete(a.Tags, k) }
func (a *account) Contains(k string) bool               { _, ok := a.Tags[k]; return ok }
func (a *account) Close() error                         { a.closed = true; return nil }
func (a *account) Call(th *pyhost.Thread, n int) string { return fmt.Sprint(n + a.Balance) }
func (a *account) Merge(b *account, c account) int      { return a.Balance + b.Balance + c.Balance }

func TestClassOfGo(t *testing.T) {
	last := &account{Owner: "nobody"}
	require.NoError(t, rt.Module(bg, "bank", pyhost.Members{
		"Place": pyhost.Class{Of: place{}},
		"Account": pyhost.Class{Of: &account{}, Doc: "An account.",
			New: pyhost.Function{Func: func(owner string) (*account, error) {
				if owner == "" {
					return nil, errors.New("no owner")
				}
				return &account{Owner: owner, Tags: map[string]int{}}, nil
			}, Params: []string{"owner"}},
			Methods: map[string]pyhost.Function{
				"Deposit": {Doc: "Adds to the balance.", Params: []string{"amount"}}}},
		"same": func(a, b *account) bool { return a == b },
		"last": func(a *account) *account { last, a = a, last; return a },
		"all":  func(a []*account, m map[string]account) int { return len(a) + m["x"].Balance },
	}))
	mustExec(t, `
import bank, inspect
p = bank.Place(X=1, Y=2)
assert (p.X, p.Y) == (1, 2) and repr(p) == "Place(X=1, Y=2)", p
p.X = 7
assert p.X == 7 and bank.Place().X == 0
a = bank.Account("ann")
assert type(a) is bank.Account and a.owner == "ann" and a.balance == 0
assert a.Deposit(5) == 5 and a.Deposit(amount=2) == 7 and a.balance == 7
a.balance += 1
assert a.balance == 8
assert str(a) == repr(a) == "ann's account"
assert len(a) == 0 and not a
a["k"] = 3; a["b"] = 4
assert a["k"] == 3 and "k" in a and "z" not in a and len(a) == 2 and a
assert list(a) == [("b", 4), ("k", 3)] and dict(a.All()) == {"b": 4, "k": 3}
del a["k"]
assert a.tags == {"b": 4}
a.home.X = 9          # shared with the account
assert a.home.X == 9 and isinstance(a.home, bank.Place)
a.home = bank.Place(X=1); assert a.home.X == 1
a.home = {"X": 2, "Y": 3}; assert a.home.Y == 3
assert a(1) == "9"
assert a.Merge(a, a) == 24
with a as b:
    assert b is a
assert bank.same(a, a) and bank.all([a, a], {"x": a}) == 10
assert bank.last(a).owner == "nobody"
b = bank.last(a)
assert b == a and hash(b) == hash(a) and b != bank.Account("x") and a != 1
assert bank.Account.__doc__ == "An account."
assert bank.Account.Deposit.__doc__ == "Adds to the balance."
assert str(inspect.signature(bank.Account.Deposit)) == "(self, amount: int) -> int"
assert str(inspect.signature(bank.Account)) == "(owner: str) -> object"
def raises(cls, f):
    try: f()
    except cls as e: return str(e)
    assert False
assert raises(KeyError, lambda: a["nothing"]) == "'nothing'"
assert raises(ValueError, lambda: a.Deposit(-1)) == "negative"
message = raises(TypeError, lambda: setattr(a, "owner", 1))
assert message == "attribute owner of Account: int into string", message
message = raises(TypeError, lambda: a.Deposit("x"))
assert message == "Deposit() argument 'amount': str into int", message
message = raises(TypeError, lambda: bank.Account.Deposit(1, 1))
assert message.startswith("Deposit() argument 'self': int into"), message
message = raises(TypeError, lambda: a.Merge("x", a))
assert message.startswith("Merge() argument 1: str into"), message
message = raises(TypeError, lambda: a.Merge())
assert message == "Merge() missing required argument 1", message
raises(AttributeError, lambda: setattr(a, "other", 1))
raises(RuntimeError, lambda: bank.Account(""))
raises(TypeError, lambda: bank.Account())
raises(TypeError, lambda: bank.Place(Z=1))
raises(TypeError, lambda: object.__new__(bank.Place).X)
import copy, pickle
raises(TypeError, lambda: copy.copy(a)); raises(TypeError, lambda: pickle.dumps(a))
class Saver(bank.Account):
    def __init__(self, owner):
        self.extra = [self]
    def Deposit(self, n):
        return super().Deposit(2 * n)
s = Saver("sam")
assert s.Deposit(2) == 4 and s.balance == 4 and s.extra[0] is s and bank.same(s, s)
`)
	require.Equal(t, "ann", last.Owner)
	require.True(t, last.closed)
	got, err := pyhost.Eval[*account](bg, rt, "a")
	require.NoError(t, err)
	require.Same(t, last, got)
	v, err := pyhost.Eval[account](bg, rt, "a")
	require.NoError(t, err)
	require.Equal(t, *last, v)
	list, err := pyhost.Eval[any](bg, rt, "[a, {'p': p}]")
	require.NoError(t, err)
	require.Equal(t, []any{last, map[string]any{"p": &place{7, 2}}}, list)
	require.ErrorContains(t, rt.Eval(bg, "[a]", new([]*place)), "account into *pyhost_test.place")
	require.ErrorContains(t, rt.Eval(bg, "[a]", new([]int)), "[0]: *pyhost_test.account into int")
	owner, err := pyhost.Call[string](bg, rt, "getattr", account{Owner: "copy"}, "owner")
	require.NoError(t, err)
	require.Equal(t, "copy", owner)

	for _, bad := range []pyhost.Class{{}, {Of: 1}, {Of: place{}},
		{Of: struct{ A int }{}, New: func() int { return 1 }},
		{Of: struct{ A int }{}, Methods: map[string]pyhost.Function{"No": {}}}} {
		require.Error(t, rt.Module(bg, "badclass", pyhost.Members{"C": bad}))
	}
	mustExec(t, "a = b = p = s = None\nimport gc; gc.collect()")
}

func TestGoValueLivesWithPython(t *testing.T) {
	type big struct{ Data []byte }
	require.NoError(t, rt.Module(bg, "lives", pyhost.Members{"Big": pyhost.Class{Of: big{}}}))
	for range 3 { // what other tests have left
		runtime.GC()
		mustExec(t, "import gc; gc.collect()")
	}
	live := cgo.LiveValues()
	gone := make(chan bool, 1)
	func() {
		b := &big{Data: make([]byte, 1<<20)}
		runtime.SetFinalizer(b, func(*big) { gone <- true })
		require.NoError(t, rt.Call(bg, "__main__.__dict__.update", nil, pyhost.Kw{"held": b}))
	}()
	for range 5 {
		runtime.GC()
	}
	require.Empty(t, gone)
	n, err := pyhost.Eval[int](bg, rt, "len(held.Data)")
	require.NoError(t, err)
	require.Equal(t, 1<<20, n)
	require.Equal(t, live+1, cgo.LiveValues())
	mustExec(t, "del held")
	require.Eventually(t, func() bool { runtime.GC(); return len(gone) == 1 }, 10*time.Second,
		time.Millisecond)
	require.Equal(t, live, cgo.LiveValues())
}

func TestSequences(t *testing.T) {
	ch := make(chan string, 3)
	ch <- "a"
	ch <- "b"
	close(ch)
	asked, ended := 0, make(chan bool, 1)
	endless := func(yield func(int) bool) {
		defer func() { ended <- true }()
		for i := 0; ; i++ {
			asked = i
			if !yield(i) {
				return
			}
		}
	}
	for expr, c := range map[string]struct{ in, want any }{
		"list(v)":              {slices.Values([]int{1, 2}), []any{int64(1), int64(2)}},
		"dict(v)":              {maps.All(map[string]int{"a": 1}), map[string]any{"a": int64(1)}},
		"''.join(v)":           {ch, "ab"},
		"list(v) ":             {(<-chan int)(nil), nil},
		"[next(v), next(v)]":   {iter.Seq[int](endless), []any{int64(0), int64(1)}},
		"[list(v), list(v)]":   {slices.Values([]string{"x"}), []any{[]any{"x"}, []any{}}},
		"sum(1 for _ in v)":    {slices.Values(make([]place, 1000)), int64(1000)},
		"type(v).__name__":     {slices.Values([]int{}), "generator"},
		"v.close() or list(v)": {slices.Values([]int{1}), []any{}},
	} {
		got, err := pyhost.Call[any](bg, rt, "eval", expr, map[string]any{"v": c.in})
		if c.want == nil {
			require.ErrorIs(t, err, pyhost.TypeError) // None is not iterable
			continue
		}
		require.NoError(t, err, expr)
		require.Equal(t, c.want, got, expr)
	}
	<-ended // Python has dropped the generator
	require.Equal(t, 1, asked)

	fails := func(yield func(int, error) bool) {
		_ = yield(1, nil) && yield(2, io.ErrUnexpectedEOF)
	}
	panics := func(yield func(int) bool) { yield(1); panic("boom") }
	err := rt.Call(bg, "list", nil, iter.Seq2[int, error](fails))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	err = rt.Call(bg, "list", nil, iter.Seq[int](panics))
	var p *pyhost.PanicError
	require.ErrorAs(t, err, &p)
	require.Equal(t, "boom", p.Value)

	// A wait for an item ends with the call.
	ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, rt.Call(ctx, "list", nil, make(chan int)), context.DeadlineExceeded)
	release := make(chan bool)
	defer close(release)
	hang := func(yield func(int) bool) { <-release; yield(1) }
	ctx2, stop2 := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop2()
	err = rt.Call(ctx2, "list", nil, iter.Seq[int](hang))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	n := runtime.NumGoroutine()
	for range 100 {
		require.NoError(t, rt.Call(bg, "next", nil, slices.Values([]int{1, 2})))
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= n+1 }, 10*time.Second,
		time.Millisecond)
}

type link struct {
	Name string
	Next *link
}

var links = sync.OnceValue(func() error { // a type has one class, with -count too
	return rt.Module(bg, "links", pyhost.Members{"Link": pyhost.Class{Of: link{}}})
})

func TestClassUsedOddly(t *testing.T) {
	require.NoError(t, links())
	mustExec(t, `
from links import Link
for cls in 3, None, "x", int, object:
    try: Link.__new__(cls)
    except TypeError: pass
    else: raise AssertionError(cls)
a = Link(Name="a", Next=Link(Name="b"))
a.Next.Next = a
assert repr(a) == "Link(Name='a', Next=Link(Name='b', Next=Link(...)))", repr(a)
assert repr(a.Next) == "Link(Name='b', Next=Link(Name='a', Next=Link(...)))"
`)
}
