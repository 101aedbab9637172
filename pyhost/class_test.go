package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

type shape struct {
	Name  string  `py:"name"`
	Sides []point `py:"sides"`
	Next  *shape  `py:"next"`
}

type span struct {
	From int `py:"start"`
	To   int `py:"stop"`
}

func TestRegisteredClasses(t *testing.T) {
	mustExec(t, `
import dataclasses
@dataclasses.dataclass
class Shape:
    name: str
    sides: list
    next: object = None
    def area(self): return sum(s["x"] * s["y"] for s in self.sides)
class Square(Shape): pass
class Picky:
    def __init__(self): pass
`)
	require.NoError(t, pyhost.Register[shape](bg, rt, "Shape"))
	one := shape{Name: "one", Sides: []point{{1, 2}, {3, 4}}}
	two := shape{Name: "two", Sides: []point{}, Next: &one}
	area, err := pyhost.Call[int](bg, rt, "Shape.area", one)
	require.NoError(t, err)
	require.Equal(t, 14, area)
	for _, expr := range []string{"Shape", "Square"} {
		got, err := pyhost.Eval[any](bg, rt,
			expr+"('two', [], Shape('one', [{'x': 1, 'y': 2}, {'x': 3, 'y': 4}]))")
		require.NoError(t, err)
		require.Equal(t, two, got)
	}
	for range 2 { // the second time by tables that are there
		got, err := pyhost.Call[any](bg, rt, "_pyhost.same", []any{two, &one, nil})
		require.NoError(t, err)
		require.Equal(t, []any{two, one, nil}, got)
		typed, err := pyhost.Call[[]shape](bg, rt, "_pyhost.same", []shape{two})
		require.NoError(t, err)
		require.Equal(t, []shape{two}, typed)
	}
	require.ErrorContains(t, pyhost.Register[shape](bg, rt, "Shape"), "registered already")
	require.ErrorContains(t, pyhost.Register[span](bg, rt, "Shape"), "registered already")
	require.ErrorContains(t, pyhost.Register[int](bg, rt, "Shape"), "no struct")
	require.ErrorContains(t, pyhost.Register[span](bg, nil, "Shape"), "Runtime is nil")
	require.ErrorIs(t, pyhost.Register[span](bg, rt, "NoClass"), pyhost.NameError)
	require.ErrorIs(t, pyhost.Register[span](bg, rt, "len"), pyhost.TypeError)
	require.NoError(t, pyhost.Register[span](bg, rt, "Picky"))
	require.ErrorIs(t, rt.Call(bg, "id", nil, span{}), pyhost.TypeError)
	picky, err := pyhost.Eval[any](bg, rt, "Picky()") // has none of the fields
	require.NoError(t, err)
	require.IsType(t, (*pyhost.Ref)(nil), picky)
}

// One goroutine holds the GIL and registers a class while another waits for the GIL to do so, or
// needs none.
func TestRegisterWhileAttached(t *testing.T) {
	type one struct{ A int }
	type two struct{ A int }
	mustExec(t, "class One:\n  pass\nclass Two:\n  pass")
	other := make(chan error, 1)
	require.NoError(t, rt.Do(bg, func(*pyhost.Thread) error {
		go func() { other <- pyhost.Register[one](bg, rt, "One") }()
		require.Eventually(t, func() bool { return rt.Stats().Inside > 1 || len(other) > 0 },
			waitLong, waitTick)
		return pyhost.Register[two](bg, rt, "Two")
	}))
	require.NoError(t, <-other)
}
