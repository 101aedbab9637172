//go:build linux

package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// ExitError is the error of a call that ran when its worker ended, and of a start that the worker
// did not survive.
type ExitError struct {
	Pid    int
	Code   int            // of its exit; -1 if a signal ended it
	Signal syscall.Signal // that ended it; 0: none
	Reason string         // why this program has killed it; empty: it did not
	Stderr string         // the last lines that it wrote there, at most 4 KB
	Stack  string         // where each of its threads was in Python when a fatal signal came
	Call   string         // what was called; empty if there was no call
}

func (e *ExitError) Error() string {
	var s strings.Builder
	s.WriteString("process: ")
	if e.Call != "" {
		fmt.Fprintf(&s, "call of %s: ", e.Call)
	}
	fmt.Fprintf(&s, "worker %d ", e.Pid)
	switch {
	case e.Reason != "":
		fmt.Fprintf(&s, "was killed: %s", e.Reason)
	case e.Signal != 0:
		fmt.Fprintf(&s, "was ended by signal %d (%s)", int(e.Signal), e.Signal)
	default:
		fmt.Fprintf(&s, "exited with %d", e.Code)
	}
	return s.String()
}

// Format prints the stack and the last lines of stderr too for %+v.
func (e *ExitError) Format(s fmt.State, verb rune) {
	if verb == 'q' {
		_, _ = fmt.Fprintf(s, "%q", e.Error())
		return
	}
	_, _ = io.WriteString(s, e.Error())
	if verb == 'v' && s.Flag('+') {
		for _, part := range []string{e.Stack, e.Stderr} {
			if part != "" {
				_, _ = io.WriteString(s, "\n"+part)
			}
		}
	}
}

func (w *worker) exitError(state *os.ProcessState, err error) *ExitError {
	w.mu.Lock()
	reason := w.killed
	w.mu.Unlock()
	e := &ExitError{Pid: w.proc.Pid, Code: -1, Reason: reason, Stderr: w.stderr.last()}
	if err != nil {
		e.Reason = err.Error()
	} else if s, ok := state.Sys().(syscall.WaitStatus); ok {
		e.Code = s.ExitStatus()
		if s.Signaled() {
			e.Signal = s.Signal()
		}
	}
	if e.Signal != syscall.SIGKILL {
		e.Reason = ""
	}
	return e
}

// of is the same for a call.
func (e *ExitError) of(call string) error {
	c := *e
	c.Call = call
	return &c
}

// ErrGone is the error of a Ref whose worker has ended.
var ErrGone = errors.New("process: the worker that held the object has ended")
