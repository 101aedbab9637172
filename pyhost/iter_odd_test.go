package pyhost_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// Items that can be read once, such as iterators, are not asked again when one does not fit.
func TestIterOfItemsThatAreReadOnce(t *testing.T) {
	expr := "(iter(x) for x in ([0], [1, 2], ['x'], [3]))"
	for _, batch := range []int{0, 1, 3, 100} {
		items, errs := collect(pyhost.Iter[[]int](bg, rt, expr, pyhost.Iteration{Batch: batch}))
		require.Equal(t, [][]int{{0}, {1, 2}}, items)
		require.Len(t, errs, 1)
		require.ErrorContains(t, errs[0], "result[0]: str into int")
	}
	texts, errs := collect(pyhost.Iter[string](bg, rt, "['a', 'b', 'c', 1]"))
	require.Equal(t, []string{"a", "b", "c"}, texts)
	require.Len(t, errs, 1)
	small, errs := collect(pyhost.Iter[int8](bg, rt, "[1, 2, 3, 300]"))
	require.Equal(t, []int8{1, 2, 3}, small)
	require.Len(t, errs, 1)
}

// What the items before it hold is the loop's.
func TestIterKeepsWhatUnmarshalersMade(t *testing.T) {
	released := 0
	for v, err := range pyhost.Iter[*holder](bg, rt, "[None, 'a', 'b', 'c', 1, 2, 3]") {
		if err == nil && v != nil {
			v.onRelease = func() { released++ }
		}
	}
	require.Zero(t, released)
}

type holder struct{ onRelease func() }

func (h *holder) UnmarshalPython(v any) error {
	if _, ok := v.(string); !ok {
		return pyhost.TypeError
	}
	h.onRelease = func() { panic("released before it was given") }
	return nil
}

func (h *holder) Release() { h.onRelease() }

func TestIterLeftByAPanic(t *testing.T) {
	mustExec(t, `
ended = []
def endless():
    try:
        while True: yield 1
    finally: ended.append(1)
`)
	require.Panics(t, func() {
		for _, err := range pyhost.Iter[int](bg, rt, "endless()") {
			require.NoError(t, err)
			panic("body")
		}
	})
	ended, err := pyhost.Eval[int](bg, rt, "len(ended)")
	require.NoError(t, err)
	require.Equal(t, 1, ended)
}

// What a generator raises when it is closed goes where Python puts what nobody can be told of.
func TestIterOfAGeneratorThatFailsToClose(t *testing.T) {
	mustExec(t, `
import contextlib, io, sys
def fails():
    try:
        while True: yield 1
    finally: raise KeyError("in close")
printed, told = io.StringIO(), []
before, sys.stderr = sys.stderr, printed
`)
	leave := func() {
		for _, err := range pyhost.Iter[int](bg, rt, "fails()") {
			require.NoError(t, err)
			break
		}
	}
	leave()
	mustExec(t, "sys.stderr = before\n"+
		"sys.unraisablehook = lambda a: told.append(repr(a.exc_value))")
	leave()
	mustExec(t, "sys.unraisablehook = sys.__unraisablehook__")
	text, err := pyhost.Eval[string](bg, rt, "printed.getvalue()")
	require.NoError(t, err)
	require.Contains(t, text, "KeyError: 'in close'")
	require.Contains(t, text, "line 6, in fails")
	got, err := pyhost.Eval[[]string](bg, rt, "told")
	require.NoError(t, err)
	require.Equal(t, []string{"KeyError('in close')"}, got)
}

// Items before one that raises on its way come first, whatever their batch.
func TestIterOfAnItemThatCannotCross(t *testing.T) {
	mustExec(t, `
def raises():
    yield "a"
    raise KeyError("on its way")
def nested(n):
    for i in range(n): yield iter([str(i)]), b"x" * 1000
    yield raises(), b""
    yield iter(["never"]), b""
deep = []
for _ in range(10_000): deep = [deep]
`)
	for _, n := range []int{0, 1, 2, 3, 100, 300} {
		items, errs := collect(pyhost.Iter[crossing](bg, rt, fmt.Sprintf("nested(%d)", n)))
		require.Len(t, items, n)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], pyhost.KeyError)
		if n > 0 {
			require.Equal(t, []string{fmt.Sprint(n - 1)}, items[n-1].Of)
			require.Len(t, items[n-1].Data, 1000)
		}
		odd, errs := collect(pyhost.Iter[any](bg, rt, fmt.Sprintf("[1, None] * %d + [deep]", n)))
		require.Len(t, odd, 2*n)
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], pyhost.ValueError)
	}
}

type crossing struct {
	Of   []string
	Data []byte
}
