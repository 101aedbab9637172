package pyhost_test

import (
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestModuleThatCannotBeImported(t *testing.T) {
	for _, name := range []string{"", "a..b", "a.", "1x", "import", "a b", "\xff"} {
		require.ErrorContains(t, rt.Module(bg, name, nil), "cannot be the name", name)
	}
	require.NoError(t, rt.Module(bg, "größe.maß", pyhost.Members{"n": 1}))
	mustExec(t, "import größe.maß; assert größe.maß.n == 1")
}

func TestModuleThatFailsKeepsNoClass(t *testing.T) {
	type thing struct{ N int }
	members := pyhost.Members{"Thing": pyhost.Class{Of: thing{}}}
	require.ErrorIs(t, rt.Module(bg, "sys", members), pyhost.ImportError)
	members["Wrong"] = pyhost.Class{}
	require.Error(t, rt.Module(bg, "things", members))
	delete(members, "Wrong")
	require.NoError(t, rt.Module(bg, "things", members))
	mustExec(t, "import things; assert things.Thing(N=3).N == 3")
}

// A package on the way must not take the place of something else.
func TestModuleInsideAnAttribute(t *testing.T) {
	err := rt.Module(bg, "os.environ.x", pyhost.Members{"y": 1})
	require.ErrorIs(t, err, pyhost.ImportError)
	mustExec(t, "import os, sys; os.environ['PATH']; assert 'os.environ' not in sys.modules")
}

// A sequence is in a module what it is as an argument, and what a channel is.
func TestSequencesInModules(t *testing.T) {
	items := make(chan int, 3)
	for i := range 3 {
		items <- i
	}
	close(items)
	require.NoError(t, rt.Module(bg, "sequences", pyhost.Members{
		"seq": slices.Values([]int{0, 1, 2}), "pairs": slices.All([]string{"a"}), "items": items,
		"each":  func() iter.Seq[int] { return slices.Values([]int{0, 1, 2}) },
		"named": pyhost.Function{Func: func(yield func(int) bool) {}},
	}))
	mustExec(t, `import sequences, types
assert type(sequences.seq) is type(sequences.pairs) is type(sequences.items) is types.GeneratorType
assert next(sequences.seq) == 0 and list(sequences.seq) == [1, 2] and list(sequences.seq) == []
assert list(sequences.pairs) == [(0, "a")] and list(sequences.items) == [0, 1, 2]
assert list(sequences.each()) == list(sequences.each()) == [0, 1, 2]
assert callable(sequences.named)`)
}
