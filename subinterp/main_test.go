package subinterp_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
	"github.com/pyhost/pyhost/subinterp"
)

// main is the main interpreter, which all tests share.
var mainRT *pyhost.Runtime

var bg = context.Background()

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if mainRT, err = pyhost.Open(pyhost.Config{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := mainRT.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func minor() (n int) {
	_, _ = fmt.Sscanf(mainRT.Info().Python.Version, "3.%d", &n)
	return n
}

// kinds are those of GIL that this Python has.
func kinds() map[string]subinterp.GIL {
	k := map[string]subinterp.GIL{"shared": subinterp.SharedGIL}
	if ownGIL() {
		k["own"] = subinterp.OwnGIL
	}
	return k
}

func freeThreaded() bool { return mainRT.Info().Python.FreeThreaded }

func ownGIL() bool { return minor() >= 13 && !freeThreaded() }

// each runs a test on a new sub-interpreter of each kind.
func each(t *testing.T, cfg subinterp.Config, fn func(t *testing.T, rt *pyhost.Runtime)) {
	for name, gil := range kinds() {
		t.Run(name, func(t *testing.T) {
			cfg.GIL = gil
			rt, err := subinterp.New(bg, mainRT, cfg)
			require.NoError(t, err)
			fn(t, rt)
			require.NoError(t, rt.Close())
		})
	}
}
