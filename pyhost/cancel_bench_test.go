package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// BenchmarkDeadline: how long after its deadline a call returns, with the default grace.
func BenchmarkDeadline(b *testing.B) { childMetrics(b, "deadlines") }

func init() { children["deadlines"] = deadlines }

func deadlines() error {
	r, err := openFor(pyhost.Config{CloseTimeout: time.Second}, `
import time
def spin():
    while True: pass
`)
	if err != nil {
		return err
	}
	late, err := lateness(r, 200, false, "spin")
	if err != nil {
		return err
	}
	metric("spin-p50-ms", ms(late[len(late)/2]))
	metric("spin-p99-ms", ms(late[len(late)*99/100]))
	metric("spin-max-ms", ms(late[len(late)-1]))
	late, err = lateness(r, 20, true, "time.sleep", 60)
	if err != nil {
		return err
	}
	metric("sleep-p50-ms", ms(late[len(late)/2]))
	metric("sleep-max-ms", ms(late[len(late)-1]))
	metric("abandoned", float64(r.Stats().Abandoned))
	return r.Exec(bg, "pass") // it serves the next call
}

// lateness calls the function n times with a deadline of 20 ms.
func lateness(r *pyhost.Runtime, n int, abandoned bool, fn string, args ...any) (
	late []time.Duration, err error) {
	for range n {
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		err := r.Call(ctx, fn, nil, args...)
		end, _ := ctx.Deadline()
		late = append(late, time.Since(end))
		stop()
		var ce *pyhost.CancelError
		if !errors.As(err, &ce) || ce.Abandoned != abandoned {
			return nil, fmt.Errorf("%s: %w", fn, err)
		}
	}
	slices.Sort(late)
	return late, nil
}
