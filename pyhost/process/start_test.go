//go:build linux

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
	"github.com/pyhost/pyhost/pyhost/shm"
)

func init() {
	programs["orphans"] = func() error {
		p, err := process.NewPool(bg, process.PoolConfig{Size: 2})
		if err != nil {
			return err
		}
		m, err := shm.NewManager()
		if err != nil {
			return err
		}
		s, err := m.Create(1 << 20)
		if err != nil {
			return err
		}
		b, err := pyhost.SharedBuffer[byte](s, 0, s.Size())
		if err != nil {
			return err
		}
		fmt.Println("/dev/shm/" + s.Name())
		err = p.Each(bg, func(ctx context.Context, rt *process.Runtime) error {
			fmt.Println(rt.Info().Pid)
			return rt.Call(ctx, "builtins.__dict__.__setitem__", nil, "kept", b)
		})
		if err != nil {
			return err
		}
		fmt.Println("ready")
		return p.Call(bg, "time.sleep", nil, 600)
	}
	// The program's main would start workers for ever, if workers ran it.
	programs["bomb"] = func() error {
		fmt.Println("main runs")
		rt, err := process.Start(bg, process.Config{})
		if err != nil {
			return err
		}
		defer rt.Close()
		return rt.Call(bg, "len", nil, "x")
	}
}

// kill -9 of the program: its workers end too, and the shared memory that they have is gone.
func TestNoOrphans(t *testing.T) {
	cmd := program(t, "orphans")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	segment := lines.Text()
	require.FileExists(t, segment)
	var pids []int
	for lines.Scan() && lines.Text() != "ready" {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	require.Len(t, pids, 2)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for _, pid := range pids {
		require.Eventually(t, func() bool { return !running(pid) }, 10*time.Second,
			time.Millisecond, pid)
	}
	require.Eventually(t, func() bool {
		_, err := os.Stat(segment)
		return errors.Is(err, fs.ErrNotExist)
	}, 10*time.Second, time.Millisecond)
}

// running: it is there, and no zombie that its new parent has not waited for yet.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z")
}

func TestMainDoesNotRunInWorkers(t *testing.T) {
	out, err := program(t, "bomb").Output()
	require.NoError(t, err)
	require.Equal(t, "main runs\n", string(out))
}

// The variable alone makes no worker, and no main that runs.
func TestStrayVariable(t *testing.T) {
	for _, fd := range []string{"", "3", "0", "x", "99"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), programVar+"=bomb", "PYHOST_PROCESS_WORKER="+fd)
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "this is no worker process")
	}
}

func TestHandshake(t *testing.T) {
	begun := time.Now()
	_, err := process.Start(bg, process.Config{Command: []string{"/bin/sleep", "600"},
		StartTimeout: 50 * time.Millisecond})
	var exit *process.ExitError
	require.ErrorAs(t, err, &exit)
	require.Contains(t, err.Error(), "not ready in 50ms")
	require.Less(t, time.Since(begun), 10*time.Second)

	_, err = process.Start(bg, process.Config{Command: []string{"/bin/sh", "-c",
		"echo no worker >&2; exit 3"}, Stderr: io.Discard})
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 3, exit.Code)
	require.Equal(t, "no worker", exit.Stderr)

	// It does not even read what it is told.
	long := []string{strings.Repeat("x", 900_000)}
	_, err = process.Start(bg, process.Config{Command: []string{"/bin/sleep", "600"}, Args: long,
		StartTimeout: 50 * time.Millisecond})
	require.ErrorContains(t, err, "not ready in 50ms")

	// What it says is no handshake.
	_, err = process.Start(bg, process.Config{Command: []string{"/bin/sh", "-c",
		"cat /dev/zero >&3; sleep 600"}})
	require.ErrorAs(t, err, &exit)
	require.Contains(t, err.Error(), "malformed frame")

	ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	_, err = process.Start(ctx, process.Config{Command: []string{"/bin/sleep", "600"}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// children are the processes that this one has, zombies with them.
func children(t testing.TB) int { return len(childPids(t)) }

func childPids(t testing.TB) (pids []string) {
	tasks, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	for _, task := range tasks {
		b, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// A worker that is killed before it is ready costs no call.
func TestKillWhileStarting(t *testing.T) {
	rt := start(t, process.Config{Setup: "import json"})
	seen := map[string]bool{strconv.Itoa(rt.Info().Pid): true}
	kill(t, rt)
	called := make(chan error, 1)
	go func() { called <- rt.Call(bg, "len", nil, "x") }()
	for len(seen) < 3 {
		for _, pid := range childPids(t) {
			if n, err := strconv.Atoi(pid); err == nil && !seen[pid] && running(n) {
				seen[pid] = true
				require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
			}
		}
	}
	require.NoError(t, <-called)
	require.ErrorContains(t, rt.Exec(bg, "import os; os._exit(3)"), "exited with 3")
}

func descriptors(t testing.TB) int {
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(fds)
}

// startsAndStops starts and ends workers in all ways, two at a time.
func startsAndStops(t *testing.T, n int, until time.Time) (done int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	one := func(i int) error {
		rt, err := process.Start(bg, process.Config{})
		if err != nil {
			return err
		}
		switch i % 4 {
		case 0:
			err = rt.Call(bg, "len", nil, "x")
		case 1:
			_ = rt.Call(bg, "os._exit", nil, 1)
		case 2:
			err = syscall.Kill(rt.Info().Pid, syscall.SIGKILL)
		}
		if cerr := rt.Close(); i%4 != 2 && err == nil { // which may be what the kill has met
			err = cerr
		}
		return err
	}
	for range 2 {
		wg.Go(func() {
			for {
				mu.Lock()
				i := done
				if i >= n && !time.Now().Before(until) {
					mu.Unlock()
					return
				}
				done++
				mu.Unlock()
				if err := one(i); err != nil {
					t.Errorf("worker %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	return done
}

func TestStartsAndStops(t *testing.T) {
	startsAndStops(t, 4, time.Time{})
	fds, procs := descriptors(t), children(t)
	startsAndStops(t, 24, time.Time{})
	require.Eventually(t, func() bool {
		return descriptors(t) <= fds && children(t) <= procs
	}, 10*time.Second, time.Millisecond, "%d descriptors, %d processes", fds, procs)
}

// TestStressStartsAndStops: thousands of starts and stops, ten thousand in some minutes, leave no
// zombie, no descriptor, no goroutine, no mapping and no memory.
func TestStressStartsAndStops(t *testing.T) {
	startsAndStops(t, 40, time.Time{})
	was := holdings(t)
	done := startsAndStops(t, 0, time.Now().Add(stressTime()))
	now := holdings(t)
	for until := time.Now().Add(10 * time.Second); !now.within(was) && time.Now().Before(until); {
		now = holdings(t) // what has ended may take a moment to be gone
	}
	t.Logf("%d starts and stops: before %+v, after %+v", done, was, now)
	require.True(t, now.within(was))
}

// held is what this process has of what workers need.
type held struct{ descriptors, children, goroutines, mappings, heap int }

// within leaves room for what Go keeps of its own.
func (h held) within(was held) bool {
	return h.descriptors <= was.descriptors && h.children <= was.children &&
		h.goroutines <= was.goroutines && h.mappings <= was.mappings+16 && h.heap <= was.heap+1<<20
}

func holdings(t testing.TB) held {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return held{descriptors(t), children(t), runtime.NumGoroutine(),
		strings.Count(string(maps), "\n"), int(mem.HeapAlloc)}
}

func TestPythonOfTheWorker(t *testing.T) {
	rt := start(t, process.Config{})
	python, err := pyhost.Locate(bg, "")
	require.NoError(t, err)
	info := rt.Info()
	require.Equal(t, python.Executable, info.Python.Executable)
	require.Zero(t, info.Interpreter)
	exe, err := pyhost.Eval[string](bg, rt, "__import__('sys').executable")
	require.NoError(t, err)
	require.Equal(t, python.Executable, exe)
	require.Positive(t, rt.Stats().Resident)
	require.Positive(t, minor(rt))
}

// The kernel takes workers for what computes, and gives them the program's share as before.
func TestWorkersAreScheduledAsBatches(t *testing.T) {
	rt := start(t, process.Config{MaxThreads: 8, Setup: "import os, threading\n" +
		"all = threading.Barrier(8)\ndef scheduled():\n  all.wait()\n" +
		"  return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)"})
	nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			policy, err := pyhost.Call[[]int](bg, rt, "scheduled")
			require.NoError(t, err)
			require.Equal(t, []int{unix.SCHED_BATCH, 20 - nice}, policy) // Go's gives 20 - nice
		})
	}
	wg.Wait()
}
