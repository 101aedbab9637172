//go:build linux

package shm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What a program is started with to be a watchdog.
const (
	dogName = "pyhost-shm-watchdog"
	dogVar  = "PYHOST_SHM_OWNER"
	readyFd = 3
)

func init() {
	if len(os.Args) == 1 && os.Args[0] == dogName {
		watch(os.Getenv(dogVar))
		os.Exit(0)
	}
}

// watch is all that a watchdog does. No signal for a whole group of processes is to end it before
// the program has ended.
func watch(token string) {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	_, _ = unix.Write(readyFd, []byte{1})
	unix.Close(readyFd)
	if o := inherit(token, 0); o != nil {
		_ = o.release() // nobody is there to be told
	}
}

// watchdog is the parent's side.
type watchdog struct{ cmd *exec.Cmd }

const startTimeout = 30 * time.Second

func startWatchdog(token string) (*watchdog, error) {
	if err := checkBuild(); err != nil {
		return nil, err
	}
	ready, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{dogName}, Dir: "/", ExtraFiles: []*os.File{write},
		Env:         append(os.Environ(), dogVar+"="+token),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = cmd.Start()
	write.Close()
	if err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	dog := &watchdog{cmd}
	if err := awaitReady(ready); err != nil {
		dog.stop()
		return nil, fmt.Errorf("start watchdog: %w", errors.Join(err, cmd.Wait()))
	}
	return dog, nil
}

func awaitReady(ready *os.File) error {
	if err := ready.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return err
	}
	_, err := io.ReadFull(ready, make([]byte, 1))
	return err
}

func (d *watchdog) stop() { _ = d.cmd.Process.Kill() }

func (d *watchdog) wait() { _ = d.cmd.Wait() }

var errBuild = errors.New("the program was not built as an executable of Go")

// checkBuild refuses to start what is no program with this package in it, such as Python that has
// loaded a shared library of Go.
func checkBuild() error {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return nil
	}
	for _, s := range info.Settings {
		if s.Key == "-buildmode" && s.Value != "exe" && s.Value != "pie" {
			return fmt.Errorf("%w (-buildmode=%s)", errBuild, s.Value)
		}
	}
	return nil
}
