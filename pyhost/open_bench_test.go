package pyhost_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkOpen compares a process that only opens Python with python itself: what the Go program
// takes to start anyway is measured by one that does nothing, and subtracted.
func BenchmarkOpen(b *testing.B) {
	b.ReportMetric(0, "ns/op")
	for range b.N {
		var open, nothing, python []time.Duration
		for range 41 {
			nothing = append(nothing, runFor(b, childVar+"=nothing", os.Args[0]))
			open = append(open, runFor(b, childVar+"=open", os.Args[0]))
			python = append(python, runFor(b, "", rt.Info().Python.Executable, "-I", "-c", "pass"))
		}
		o, n, p := median(open), median(nothing), median(python)
		b.ReportMetric(ms(o-n), "open-ms")
		b.ReportMetric(ms(p), "python-ms")
		b.ReportMetric(float64(o-n)/float64(p), "open/python")
	}
}

func init() {
	children["nothing"] = func() error { return nil }
	children["open"] = func() error {
		_, err := pyhost.Open(pyhost.Config{})
		return err
	}
}

func runFor(b *testing.B, env, name string, args ...string) time.Duration {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env)
	start := time.Now()
	require.NoError(b, cmd.Run())
	return time.Since(start)
}
