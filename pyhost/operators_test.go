package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestBinary(t *testing.T) {
	ops := map[string]string{
		"+": "9", "-": "5", "*": "14", "/": "3.5", "//": "3", "%": "1", "**": "49", "<<": "28",
		">>": "1", "&": "2", "|": "7", "^": "5",
		"==": "False", "!=": "True", "<": "False", "<=": "False", ">": "True", ">=": "True",
	}
	attached(t, func(th *pyhost.Thread) {
		seven := eval(t, th, "7")
		for op, want := range ops {
			requireRepr(t, want)(seven.Binary(op, 2))
			if op != "==" && op != "!=" && op[0] != '<' && op[0] != '>' {
				requireRepr(t, want)(seven.Binary(op+"=", 2))
			}
		}
		requireRepr(t, "28")(seven.Binary("<<=", 2))
		requireRepr(t, "1")(seven.Binary(">>=", 2))
		list := eval(t, th, "[1]")
		same, err := list.Binary("+=", []int{2})
		require.NoError(t, err)
		requireTrue(t)(same.Is(list))
		requireRepr(t, "[1, 2, 3]")(list.Binary("+", []int{3}))
		requireRepr(t, "[1, 2]")(list, nil)
		_, err = list.Binary("-", 1)
		require.ErrorIs(t, err, pyhost.TypeError)
		for _, op := range []string{"", "=", "===", "and", "+\x00", "<>", "=<", "in", "/=="} {
			_, err = list.Binary(op, 1)
			require.ErrorContains(t, err, "no binary operator")
		}
		mustExec(t, "class Matrix:\n  def __matmul__(self, o): return '@'\n"+
			"  def __imatmul__(self, o): return '@='\n  def __lt__(self, o): return ['<']\n"+
			"  def __bool__(self): raise KeyError('bool')\n"+
			"  def __eq__(self, o): return self\n  __hash__ = None")
		m := eval(t, th, "Matrix()")
		requireRepr(t, "'@'")(m.Binary("@", 1))
		requireRepr(t, "'@='")(m.Binary("@=", 1))
		requireRepr(t, "['<']")(m.Binary("<", 1))
		requireTrue(t)(m.Compare("<", 1))
		_, err = m.Equal(1)
		require.ErrorIs(t, err, pyhost.KeyError)
		_, err = m.Truth()
		require.ErrorIs(t, err, pyhost.KeyError)
		_, err = m.Hash()
		require.ErrorIs(t, err, pyhost.TypeError)
	})
}

func TestUnaryAndCompare(t *testing.T) {
	attached(t, func(th *pyhost.Thread) {
		seven := eval(t, th, "7")
		requireRepr(t, "-7")(seven.Unary("-"))
		requireRepr(t, "7")(seven.Unary("+"))
		requireRepr(t, "-8")(seven.Unary("~"))
		_, err := seven.Unary("not")
		require.ErrorContains(t, err, "no unary operator")
		_, err = eval(t, th, "'x'").Unary("-")
		require.ErrorIs(t, err, pyhost.TypeError)
		requireTrue(t)(seven.Compare(">=", 7.0))
		requireTrue(t)(seven.Compare("!=", "7"))
		requireFalse(t)(seven.Compare("<", 7))
		requireTrue(t)(seven.Equal(7))
		requireFalse(t)(eval(t, th, "float('nan')").Equal(0))
		nan := eval(t, th, "float('nan')")
		requireFalse(t)(nan.Equal(nan))
		_, err = seven.Compare("<", "x")
		require.ErrorIs(t, err, pyhost.TypeError)
		_, err = seven.Compare("+", 1)
		require.ErrorContains(t, err, "no comparison")
		requireTrue(t)(seven.Truth())
		requireFalse(t)(eval(t, th, "[]").Truth())
		h, err := eval(t, th, "-1").Hash()
		require.NoError(t, err)
		require.EqualValues(t, -2, h)
	})
}
