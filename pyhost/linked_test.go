package pyhost_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	children["linked"] = func() error {
		r, err := pyhost.Open(pyhost.Config{Python: os.Getenv("CHILD_PYTHON")})
		if err != nil {
			return err
		}
		fmt.Println(r.Info().Python.Libpython)
		return r.Close()
	}
}

// A libpython that the process holds, here by LD_PRELOAD as if another package had linked it, is
// the one that is used: a second one would corrupt it.
func TestLibpythonThatIsLinkedIn(t *testing.T) {
	if instrumented {
		t.Skip("LD_PRELOAD puts libpython before the detector's own library")
	}
	lib := rt.Info().Python.Libpython
	out := child(t, "linked", "LD_PRELOAD="+lib)
	require.Equal(t, realPath(t, lib), realPath(t, strings.TrimSpace(out)))
	for _, p := range pyhost.Discover(bg) {
		if p.Usable() && realPath(t, p.Libpython) != realPath(t, lib) {
			err := failingChild(t, "linked", "LD_PRELOAD="+lib, "CHILD_PYTHON="+p.Executable)
			require.Contains(t, err, "the process already holds")
			return
		}
	}
	t.Log("only one Python here: a second one could not be tried")
}
