package main

import (
	"context"
	"os/exec"

	"github.com/pyhost/pyhost/pyhost"
)

// pythonWithNumpy is the first Python found that has numpy; "", for Open to choose, if none has, or
// if the user names one.
func pythonWithNumpy(ctx context.Context) string {
	for _, p := range pyhost.Discover(ctx) {
		if p.Chosen && p.Source != "bundled" {
			return ""
		}
		if p.Usable() && p.Executable != "" &&
			exec.CommandContext(ctx, p.Executable, "-I", "-c", "import numpy").Run() == nil {
			return p.Executable
		}
	}
	return ""
}
