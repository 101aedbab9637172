package pyhost_test

import (
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
