//go:build linux

package shm_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost/shm"
)

const waitLong = time.Minute

func mustManager(t testing.TB) *shm.Manager {
	t.Helper()
	m, err := shm.NewManager()
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// left are the files that begin with what the segment's name does: its Manager's.
func left(t testing.TB, segment string) []string {
	t.Helper()
	list, err := filepath.Glob("/dev/shm/" + segment[:strings.LastIndexByte(segment, '_')] + "*")
	require.NoError(t, err)
	return list
}

func gone(t testing.TB, segment string) {
	t.Helper()
	eventually(t, func() bool { return len(left(t, segment)) == 0 })
}

func eventually(t testing.TB, seen func() bool) {
	t.Helper()
	require.Eventually(t, seen, waitLong, time.Millisecond)
}

// stat are the state of a process and its parent; "" if there is none.
func stat(pid int) (state string, parent int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(b), ") ")
	_, _ = fmt.Sscan(rest, &state, &parent)
	return state, parent
}

func state(pid int) string {
	s, _ := stat(pid)
	return s
}

// watchdogs are the process ids of those that a process has.
func watchdogs(t testing.TB, parent int) (pids []int) {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, dir := range entries {
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(t, err)
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))             // it may have ended
		dog := strings.HasSuffix(string(cmdline), "pyhost-shm-watchdog\x00") // after its emulator
		if _, is := stat(pid); dog && is == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestManager(t *testing.T) {
	m := mustManager(t)
	a, err := m.Create(100)
	require.NoError(t, err)
	b, err := m.Create(100)
	require.NoError(t, err)
	l, err := m.CreateList("in a list")
	require.NoError(t, err)
	require.NoError(t, b.Unlink())
	_, err = m.Create(0)
	require.ErrorIs(t, err, shm.ErrSize)
	dogs := watchdogs(t, os.Getpid())
	require.Len(t, dogs, 1)
	const hangups = 0x4007              // HUP, INT, QUIT, TERM
	require.Eventually(t, func() bool { // soon after its start, and maybe others, as the program
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", dogs[0]))
		require.NoError(t, err)
		_, after, _ := strings.Cut(string(status), "SigIgn:\t")
		ignored, err := strconv.ParseUint(after[:16], 16, 64)
		return err == nil && ignored&hangups == hangups
	}, 30*time.Second, time.Millisecond)
	require.Len(t, left(t, a.Name()), 3)
	require.NoError(t, m.Close())
	require.Empty(t, left(t, a.Name()))
	require.Empty(t, watchdogs(t, os.Getpid()))
	a.Bytes()[99] = 1
	got, err := l.Get(0)
	require.NoError(t, err)
	require.Equal(t, "in a list", got)
	require.ErrorIs(t, m.Close(), shm.ErrClosed)
	_, err = m.Create(1)
	require.ErrorIs(t, err, shm.ErrClosed)
	for _, s := range []*shm.Segment{a, b, l.Segment} {
		require.NoError(t, s.Close())
	}
}

func TestZeroManager(t *testing.T) {
	var m shm.Manager
	_, err := m.Create(10)
	require.ErrorIs(t, err, shm.ErrClosed)
	_, err = m.CreateList(1)
	require.ErrorIs(t, err, shm.ErrClosed)
	require.ErrorIs(t, m.Close(), shm.ErrClosed)
}

// What Python makes under a name of the Manager's is the Manager's too.
func TestManagerOfPythonsSegments(t *testing.T) {
	eachPython(t, func(t *testing.T, exe string) {
		m := mustManager(t)
		name := m.NewName()
		require.NotEqual(t, name, m.NewName())
		python(t, exe, "import sys\nfrom pyhost_shm import SharedMemory\n"+
			"seg = SharedMemory(sys.argv[1], create=True, size=10); seg.buf[0] = 7", name)
		s, err := shm.Open(name, 10)
		require.NoError(t, err)
		require.Equal(t, byte(7), s.Bytes()[0])
		require.NoError(t, s.Close())
		require.NoError(t, m.Close())
		require.Empty(t, left(t, name))
	})
}

func TestManagerConcurrent(t *testing.T) {
	m := mustManager(t)
	first, err := m.Create(10)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				s, err := m.Create(10)
				if err != nil {
					require.ErrorIs(t, err, shm.ErrClosed)
					return
				}
				require.NoError(t, s.Close())
			}
		})
	}
	var closed [4]error
	for i := range closed {
		wg.Go(func() { closed[i] = m.Close() })
	}
	wg.Wait()
	require.Empty(t, left(t, first.Name()))
	require.ErrorIs(t, errors.Join(closed[:]...), shm.ErrClosed)
	require.Contains(t, closed, error(nil))
	require.NoError(t, first.Close())
}

func init() {
	// The ways of a program to end without Close.
	ends := map[string]func(){
		"exit":  func() { os.Exit(0) },
		"panic": func() { panic("the end") },
		"fault": func() { *(*int)(nil) = 1 },
		"kill":  func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) },
		"group": func() { _ = syscall.Kill(0, syscall.SIGTERM); select {} },
		"wait":  func() { select {} },
	}
	programs["manager works"] = func() error {
		m, err := shm.NewManager()
		for err == nil {
			var s *shm.Segment
			if s, err = m.Create(1 << 20); err == nil {
				fmt.Println(s.Name())
				err = s.Close()
			}
		}
		return err
	}
	for name, end := range ends {
		programs["manager "+name] = func() error {
			m, err := shm.NewManager()
			if err != nil {
				return err
			}
			var last string
			for range 100 {
				s, err := m.Create(5000)
				if err != nil {
					return err
				}
				last = s.Name()
			}
			fmt.Println(last)
			_, _ = fmt.Scanln() // until the test says so
			end()
			return nil
		}
	}
}

// However a program ends, nothing of its Manager's is left; nothing goes before.
func TestManagerAtTheEnd(t *testing.T) {
	for _, end := range []string{"exit", "panic", "fault", "kill", "group"} {
		t.Run(end, func(t *testing.T) {
			cmd := program(t, "manager "+end)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			p := startProcess(t, cmd)
			name := p.line(t)
			require.Len(t, left(t, name), 101)
			mustManager(t) // leaves those of others
			require.Len(t, left(t, name), 101)
			p.say(t, "")
			gone(t, name)
			_ = p.Wait()
		})
	}
}

// A program that is killed while it makes segments, at any moment.
func TestManagerKilledAtWork(t *testing.T) {
	for i := range 20 {
		p := startProcess(t, program(t, "manager works"))
		for range i + 1 {
			p.line(t)
		}
		name := p.line(t)
		require.NoError(t, p.Process.Kill())
		require.Error(t, p.Wait())
		gone(t, name)
	}
}

// A program that is killed from outside, after its watchdog was.
func TestWatchdogIsReplaced(t *testing.T) {
	p := startProcess(t, program(t, "manager wait"))
	name := p.line(t)
	for range 3 {
		dogs := watchdogs(t, p.Process.Pid)
		require.Len(t, dogs, 1)
		require.NoError(t, syscall.Kill(dogs[0], syscall.SIGKILL))
		eventually(t, func() bool {
			now := watchdogs(t, p.Process.Pid)
			return len(now) == 1 && now[0] != dogs[0]
		})
	}
	require.Len(t, left(t, name), 101)
	require.NoError(t, p.Process.Kill())
	gone(t, name)
	require.Error(t, p.Wait())
}

// The program and its watchdog are killed at once: the next Manager sees to it.
func TestReapedAtTheNextStart(t *testing.T) {
	p := startProcess(t, program(t, "manager wait"))
	name := p.line(t)
	dogs := watchdogs(t, p.Process.Pid)
	require.Len(t, dogs, 1)
	require.NoError(t, p.Process.Signal(syscall.SIGSTOP)) // or it would replace it
	eventually(t, func() bool { return state(p.Process.Pid) == "T" })
	require.NoError(t, syscall.Kill(dogs[0], syscall.SIGKILL))
	eventually(t, func() bool { return state(dogs[0]) == "Z" })
	require.NoError(t, p.Process.Kill())
	require.Error(t, p.Wait())
	require.Len(t, left(t, name), 101)
	mustManager(t)
	require.Empty(t, left(t, name))
}

// A stopped watchdog does not stop Close.
func TestCloseWithAStoppedWatchdog(t *testing.T) {
	m := mustManager(t)
	dogs := watchdogs(t, os.Getpid())
	require.Len(t, dogs, 1)
	require.NoError(t, syscall.Kill(dogs[0], syscall.SIGSTOP))
	require.NoError(t, m.Close())
	require.Empty(t, watchdogs(t, os.Getpid()))
}

// Files that look like a Manager's are not touched, or do no harm.
func TestReapLeavesOthers(t *testing.T) {
	token := fmt.Sprintf("%016x", os.Getpid()) // of 8 random bytes none has so many 0
	others := []string{"pyhost_" + token + "_1", "pyhost_1" + token + ".lock"}
	for _, name := range others {
		require.NoError(t, os.WriteFile("/dev/shm/"+name, []byte("x"), 0o600))
		defer os.Remove("/dev/shm/" + name)
	}
	lock := "pyhost_" + token + ".lock"
	defer os.Remove("/dev/shm/" + lock)
	if os.Geteuid() == 0 {
		require.NoError(t, os.WriteFile("/dev/shm/"+lock, nil, 0o600))
		require.NoError(t, os.Chown("/dev/shm/"+lock, 12345, 12345))
		others = append(others, lock)
	} else {
		require.NoError(t, syscall.Mkfifo("/dev/shm/"+lock, 0o600))
	}
	mustManager(t)
	for _, name := range others {
		require.True(t, exists(name))
	}
}

func TestManagerNoLeak(t *testing.T) {
	descriptors := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(list)
	}
	round := func() {
		m, err := shm.NewManager()
		require.NoError(t, err)
		s, err := m.Create(100)
		require.NoError(t, err)
		require.NoError(t, m.Close())
		require.NoError(t, s.Close())
		require.Empty(t, left(t, s.Name()))
	}
	round()
	before := descriptors()
	for range 50 {
		round()
	}
	require.Equal(t, before, descriptors())
	require.Empty(t, watchdogs(t, os.Getpid()))
}
