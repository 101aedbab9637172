// Package clitest has the test of an example run it as the program that it is.
package clitest

import (
	"os"
	"os/exec"
	"testing"
)

const asProgram = "PYHOST_TEST_EXAMPLE"

// Main is the test's TestMain: the test binary is the program itself where Program starts it.
func Main(m *testing.M, program func()) {
	if os.Getenv(asProgram) != "" {
		program()
		return
	}
	os.Exit(m.Run())
}

// Program is the example with these arguments, to be run. It is killed when the test ends.
func Program(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// Output is what the example writes, to its stderr too.
func Output(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := Program(t, args...).CombinedOutput()
	return string(out), err
}
