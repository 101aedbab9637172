package cgo

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first thing that a build without cgo says is what it needs.
func TestBuildWithoutCgo(t *testing.T) {
	cmd := exec.Command("go", "build", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	lines := strings.Split(string(out), "\n") // of which the first names the package
	require.Contains(t, lines[1], "pyhost_needs_CGO_ENABLED_1_and_a_C_compiler")
}
