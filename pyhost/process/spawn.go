//go:build linux

package process

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// startVar tells a program that it is a worker, and which descriptor is its socket.
const startVar = "PYHOST_PROCESS_WORKER"

// Descriptors of a worker, beside 0 to 2.
const (
	socketFd = 3
	crashFd  = 4 // a memfd for what is to be known after a crash
	auditFd  = 5 // a pipe for audit events, where they are reported
)

// forks starts processes on an OS thread of its own, which lives as long as the program: the kernel
// kills a worker (PR_SET_PDEATHSIG) when the thread that started it ends, not the process.
var forks = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// ends are what the parent keeps of a worker that was started.
type ends struct {
	proc          *os.Process
	socket, crash *os.File
	out, err, aud *os.File // reading ends of pipes; out and aud may be nil
}

func (e *ends) close() {
	for _, f := range []*os.File{e.socket, e.crash, e.out, e.err, e.aud} {
		if f != nil {
			f.Close()
		}
	}
}

// spawn starts the program.
func spawn(cfg *Config) (*ends, error) {
	// It stays itself when the file is replaced.
	path, args := "/proc/self/exe", []string{os.Args[0]}
	if len(cfg.Command) > 0 {
		path, args = cfg.Command[0], cfg.Command
	}
	var e ends
	files, err := e.open(cfg)
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err == nil {
		attr := &os.ProcAttr{
			Dir:   cfg.Dir,
			Env:   append(cfg.environment(), startVar+"="+strconv.Itoa(socketFd)),
			Files: files,
			// A group of its own: Ctrl-C is for this program to handle, and what the worker has
			// started ends with it.
			Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true},
		}
		done := make(chan struct{})
		forks() <- func() {
			defer close(done)
			e.proc, err = os.StartProcess(path, args, attr)
		}
		<-done
	}
	if err != nil {
		e.close()
		return nil, fmt.Errorf("process: start %s: %w", args[0], err)
	}
	return &e, nil
}

// open makes what connects parent and worker, and returns the worker's descriptors in order.
func (e *ends) open(cfg *Config) (files []*os.File, err error) {
	keep := func(f *os.File, e error) {
		if err == nil {
			err = e
		}
		if f != nil {
			files = append(files, f)
		}
	}
	pipe := func() *os.File {
		r, w, e := os.Pipe()
		keep(w, e)
		return r
	}
	keep(os.Open(os.DevNull))
	if cfg.Stdout != nil {
		e.out = pipe()
	} else {
		keep(dup(syscall.Stdout))
	}
	e.err = pipe()
	pair, e2 := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if e2 != nil {
		return files, e2
	}
	e.socket = os.NewFile(uintptr(pair[0]), "worker")
	keep(os.NewFile(uintptr(pair[1]), "socket"), nil)
	if e.crash, e2 = newBegun(); e2 != nil {
		return files, e2
	}
	keep(dup(int(e.crash.Fd())))
	if cfg.reports() {
		e.aud = pipe()
	}
	return files, err
}

// dup is for a descriptor that is to be closed where the original is not.
func dup(fd int) (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "dup"), nil
}
