//go:build linux

package process_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func kill(t testing.TB, rt *process.Runtime) {
	t.Helper()
	require.NoError(t, syscall.Kill(rt.Info().Pid, syscall.SIGKILL))
}

// Every end of a worker is an ExitError to the call that ran, which says how and where, and the
// next call works.
func TestCrash(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard, Setup: `
import ctypes, os, sys
def crash(how):
    print("about to", how, file=sys.stderr)
    globals()[how]()
def exits(): os._exit(7)
def aborts(): os.abort()
def null(): ctypes.string_at(0)
def kills(): os.kill(os.getpid(), 9)
def overflow():
    # A function of machine code that calls itself: Python sees nothing of it.
    import mmap, platform, tempfile
    code = {"x86_64": "e8fbffffff", "aarch64": "fd7bbfa9ffffff97"}[platform.machine()]
    # Written before it is mapped: an arm64 processor may not see code that is stored next to it.
    f = tempfile.TemporaryFile(buffering=0)
    n = f.write(bytes.fromhex(code))
    m = mmap.mmap(f.fileno(), n, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()
def closes():
    os.close(3)
def closes_all():
    os.closerange(3, 50)
`})
	for _, c := range []struct {
		how    string
		code   int
		signal syscall.Signal
	}{
		{"exits", 7, 0}, {"aborts", -1, syscall.SIGABRT}, {"null", -1, syscall.SIGSEGV},
		{"kills", -1, syscall.SIGKILL}, {"overflow", -1, syscall.SIGSEGV},
	} {
		t.Run(c.how, func(t *testing.T) {
			pid := rt.Info().Pid
			err := rt.Call(bg, "crash", nil, c.how)
			var exit *process.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, c.signal, exit.Signal, "%+v", err)
			require.Equal(t, c.code, exit.Code)
			require.Equal(t, pid, exit.Pid)
			require.Equal(t, "crash", exit.Call)
			require.Empty(t, exit.Reason)
			require.Contains(t, exit.Stderr, "about to "+c.how)
			if c.signal != 0 && c.signal != syscall.SIGKILL {
				require.Contains(t, exit.Stack, "in "+c.how)
				require.Contains(t, exit.Stack, "in crash")
			}
			n, err := pyhost.Call[int](bg, rt, "len", "abc")
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.NotEqual(t, pid, rt.Info().Pid)
		})
	}
	for _, how := range []string{"closes", "closes_all"} {
		t.Run(how, func(t *testing.T) {
			// It has run; that its result cannot be sent is no matter, unless Go's own descriptors
			// were closed before it was noted.
			if err := rt.Call(bg, "crash", nil, how); err != nil {
				var exit *process.ExitError
				require.ErrorAs(t, err, &exit)
				require.Equal(t, "closes_all", how)
			}
			require.NoError(t, rt.Call(bg, "len", nil, "abc"))
		})
	}
}

// What Python writes to the socket costs the worker, and the calls that it runs; none is made
// twice, though its result may be behind what cannot be read.
func TestGarbageOnTheSocket(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard, Setup: `
import os
def write(log, garbage, times):
    with open(log, "a") as f: f.write("x")
    for i in range(times): os.write(3, garbage)
`})
	frame := func(kind byte, id byte) []byte {
		return []byte{0, 0, 0, 0, kind, 0, 0, 0, id, 0, 0, 0, 0, 0, 0, 0}
	}
	for i, garbage := range [][]byte{
		bytes.Repeat([]byte{0xff}, 64), {0}, []byte("0123456789abcdef"), {0, 0, 16, 0, 13, 0, 0},
		frame(12, 1), frame(13, 200), frame(14, 0), frame(15, 0), frame(16, 9), frame(17, 9),
		frame(18, 9), frame(1, 1), frame(255, 0), {255, 255, 0, 0, 14},
	} {
		for _, times := range []int{1, 1000} {
			log := t.TempDir() + "/log"
			// Its result may be ahead, or hidden in what looks like the beginning of a frame.
			ctx, stop := context.WithTimeout(bg, 300*time.Millisecond)
			err := rt.Call(ctx, "write", nil, log, garbage, times)
			stop()
			var exit *process.ExitError
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				require.ErrorAs(t, err, &exit, i)
			}
			made, _ := os.ReadFile(log) // none, if its context ended first
			require.LessOrEqual(t, len(made), 1, i)
			ctx, stop = context.WithTimeout(process.WithRetry(bg, 1), 30*time.Second)
			require.NoError(t, rt.Call(ctx, "len", nil, "abc"))
			stop()
		}
	}
}

// A copy of the worker that C code forks, os.fork being refused, ends when it comes back from
// Python: it neither answers in the worker's stead nor costs it a call.
func TestForkInsideTheWorker(t *testing.T) {
	var mu sync.Mutex
	var log strings.Builder
	rt := start(t, process.Config{Setup: `
import ctypes, os, time
libc = ctypes.PyDLL(None)
def fork(how):
    pid = libc.fork()
    if pid == 0:
        if how == "exit": os._exit(0)
        if how == "raise": raise ValueError
        return 0
    until = time.monotonic() + 2  # it may hang in Go, of which it has one thread only
    while not (done := os.waitpid(pid, os.WNOHANG))[0] and time.monotonic() < until:
        time.sleep(0.001)
    return pid, os.waitstatus_to_exitcode(done[1]) if done[0] else 123
`, Stderr: writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	})})
	pid := rt.Info().Pid
	begun := make(chan bool)
	other := make(chan error)
	require.NoError(t, rt.Exec(bg, "def wait(f): f()"))
	go func() {
		other <- rt.Call(bg, "wait", nil, func() { begun <- true; begun <- true })
	}()
	<-begun
	require.ErrorIs(t, rt.Exec(bg, "os.fork()"), pyhost.RuntimeError)
	for _, how := range []string{"exit", "return", "raise"} {
		got, err := pyhost.Call[[]int](bg, rt, "fork", how)
		require.NoError(t, err)
		require.Positive(t, got[0])
		require.Equal(t, map[bool]int{true: 0, false: 123}[how == "exit"], got[1], how)
	}
	<-begun
	require.NoError(t, <-other)
	require.Equal(t, pid, rt.Info().Pid)
	require.Empty(t, log.String())
}

// A worker that has joined another group of processes is killed all the same.
func TestWorkerInAnotherGroup(t *testing.T) {
	rt, err := process.Start(bg, process.Config{Grace: time.Millisecond, Setup: `
import os, time
def hang():
    os.setpgid(0, os.getpgid(os.getppid()))
    time.sleep(600)
`})
	require.NoError(t, err)
	pid := rt.Info().Pid
	ctx, stop := context.WithTimeout(bg, 50*time.Millisecond)
	defer stop()
	require.ErrorIs(t, rt.Call(ctx, "hang", nil), context.DeadlineExceeded)
	require.NoError(t, rt.Close())
	require.False(t, running(pid))
}

// Only the call that runs is lost: those that wait are made by the next worker.
func TestKillAmongMany(t *testing.T) {
	rt := start(t, process.Config{MaxThreads: 1, Setup: "import os, time\n" +
		"def die(): time.sleep(0.05); os._exit(1)\ndef fine(i): return i"})
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for i := range 200 {
		wg.Go(func() {
			if i == 50 {
				if err := rt.Call(bg, "die", nil); err == nil {
					t.Error("die has returned")
				}
				return
			}
			got, err := pyhost.Call[int](bg, rt, "fine", i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				lost++
			} else if got != i {
				t.Errorf("call %d got %d", i, got)
			}
		})
	}
	wg.Wait()
	require.Zero(t, lost)
}

// kill -9 before, during and after calls.
func TestKill(t *testing.T) {
	begun := make(chan bool, 1)
	rt := start(t, process.Config{Stdout: writer(func(p []byte) (int, error) {
		begun <- true
		return len(p), nil
	}), Setup: `
import time
def nap():
    print("begun", flush=True)
    time.sleep(60)
`})
	for range 10 {
		kill(t, rt) // before: whether the death is known yet or not
		require.NoError(t, rt.Call(bg, "len", nil, "x"))
	}
	ended := make(chan error)
	go func() { ended <- rt.Call(bg, "nap", nil) }()
	<-begun
	kill(t, rt)
	var exit *process.ExitError
	require.ErrorAs(t, <-ended, &exit)
	require.Equal(t, syscall.SIGKILL, exit.Signal)
	require.NoError(t, rt.Call(bg, "len", nil, "x"))
	kill(t, rt)
	require.NoError(t, rt.Call(bg, "bytes", new([]byte), make([]byte, 1<<20)))
}

func TestRetry(t *testing.T) {
	flag := t.TempDir() + "/flag"
	rt := start(t, process.Config{Setup: `
import os
def once(flag):
    if not os.path.exists(flag):
        open(flag, "w").close()
        os._exit(1)
    return "done"
`})
	got, err := pyhost.Call[string](process.WithRetry(bg, 1), rt, "once", flag)
	require.NoError(t, err)
	require.Equal(t, "done", got)
	var exit *process.ExitError
	require.ErrorAs(t, rt.Call(process.WithRetry(bg, 2), "os._exit", nil, 4), &exit)
	require.Equal(t, 4, exit.Code)
}

func TestLimits(t *testing.T) {
	rt := start(t, process.Config{MaxThreads: 4, Limits: process.Limits{
		Memory: 64 << 20, Files: 40, CPU: 2 * time.Second}, Setup: "import os"})
	much := "x = bytearray(100 << 20)"
	if rt.Info().Python.FreeThreaded { // there the kernel alone bounds it
		much = "x = bytearray(1 << 30)"
	}
	require.ErrorIs(t, rt.Exec(bg, much), pyhost.MemoryError)
	require.ErrorIs(t, rt.Exec(bg, "f = [os.open('/', 0) for _ in range(50)]"), pyhost.OSError)
	err := rt.Exec(bg, "while True: pass")
	var exit *process.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, syscall.SIGXCPU, exit.Signal)
	require.Contains(t, exit.Stack, "<exec>")
	require.NoError(t, rt.Call(bg, "len", nil, "x"))
}

// What C code takes is bounded by the kernel.
func TestLimitOfData(t *testing.T) {
	rt := start(t, process.Config{MaxThreads: 4, Limits: process.Limits{Memory: 64 << 20},
		Setup: "import mmap"})
	require.ErrorIs(t, rt.Exec(bg, "mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE)"), pyhost.OSError)
}

// A worker gets nothing but its own descriptors, whatever the program has left open to exec.
func TestNoInheritedDescriptors(t *testing.T) {
	f, err := os.Open("/")
	require.NoError(t, err)
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd())) // not close-on-exec
	require.NoError(t, err)
	defer syscall.Close(fd)
	rt := start(t, process.Config{Setup: `
import os, subprocess
def links():
    fds = [f"/proc/self/fd/{f}" for f in os.listdir("/proc/self/fd")]
    return [os.readlink(f) for f in fds if os.path.exists(f)]
def of_another():
    ls = ["ls", "/proc/self/fd"]
    return subprocess.run(ls, capture_output=True, text=True, close_fds=False).stdout
`})
	links, err := pyhost.Call[[]string](bg, rt, "links")
	require.NoError(t, err)
	require.NotContains(t, links, "/")
	// Nor do the processes that it starts.
	out, err := pyhost.Call[string](bg, rt, "of_another")
	require.NoError(t, err)
	require.Len(t, strings.Fields(out), 4, out)
}
