//go:build linux

package process

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// computes has the kernel take the worker's threads for what computes: SCHED_BATCH of sched(7). The
// share of the processor stays the same. But a worker that a call wakes does not push the program
// off its core before that has handed the other workers what they wait for. Two workers of a pool
// whose calls compute for 8 ms, on two cores, get a tenth more done. Threads to come inherit it,
// and processes that Python starts. Another policy than the usual one is left as it is.
func computes() {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if now, err := unix.SchedGetAttr(id, 0); err == nil && now.Policy == unix.SCHED_NORMAL {
			_ = unix.SchedSetAttr(id, &unix.SchedAttr{Policy: unix.SCHED_BATCH,
				Nice: now.Nice}, 0)
		}
	}
}
