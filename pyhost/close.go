package pyhost

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/pyhost/pyhost/cgo"
)

// LeakError is what Close returns when something could not be stopped: the interpreter is left as
// it is, unused, until the process ends. Nothing of it is called any more.
type LeakError struct {
	Inside  int      // calls and attachments that did not end
	Threads []string // Python's own threads that did not end
	Views   int      // Views that were not released
	Arrays  int      // of Arrow, and streams, taken from Python, that were not released
	Err     error    // what else went wrong
}

func (e *LeakError) Error() string {
	var why []string
	if e.Inside > 0 {
		why = append(why, count(e.Inside, "call", "calls")+" did not end")
	}
	if n := len(e.Threads); n > 0 {
		why = append(why, count(n, "thread", "threads")+" did not end: "+
			strings.Join(e.Threads, ", "))
	}
	if e.Views > 0 {
		why = append(why, count(e.Views, "View was", "Views were")+" not released")
	}
	if e.Arrays > 0 {
		why = append(why, count(e.Arrays, "array or stream of Arrow was",
			"arrays or streams of Arrow were")+" not released")
	}
	if e.Err != nil {
		why = append(why, e.Err.Error())
	}
	return "pyhost: interpreter left unfinished: " + strings.Join(why, "; ")
}

func count(n int, one, many string) string {
	if n != 1 {
		one = many
	}
	return fmt.Sprintf("%d %s", n, one)
}

// Unwrap gives Err.
func (e *LeakError) Unwrap() error { return e.Err }

// Close refuses new calls, waits for those under way, cancels what is left after
// Config.CloseTimeout, ends Python's own threads, runs the atexit handlers and finalizes Python.
// What cannot be stopped is left as it is, and a *[LeakError] tells: Close neither crashes nor
// hangs. Any goroutine may call it, but none that is attached to it or to one of its
// sub-interpreters; later calls return what the first returned.
func (rt *Runtime) Close() error {
	if rt == nil {
		return nil
	}
	if rt.in.Inside() || rt.children.inside() {
		return errors.New("pyhost: Close while attached to the runtime")
	}
	if scopes.Load() != 0 {
		defer cgo.Park().Unpark()
	}
	rt.closing.Do(func() { rt.closeErr = rt.endCalls(rt.close()) })
	return rt.closeErr
}

// endCalls has Go functions called no more, and waits for those that threads of Python's own call.
func (rt *Runtime) endCalls(err error) error {
	rt.in.EndCalls()
	if n := rt.strays.close(rt.cfg.CloseTimeout); n > 0 {
		return &LeakError{Inside: n, Err: err}
	}
	return err
}

func (rt *Runtime) close() error {
	defer rt.gone()
	defer rt.origins.report()
	rt.gate.close()
	left := rt.children.close()
	if err := rt.drain(); err != nil {
		return err
	}
	if left != nil { // Python cannot end before they do
		return &LeakError{Err: left}
	}
	rt.in.MemoryLimit(0) // what exceeded it may still tidy up
	threads, err := rt.shutdown()
	if len(threads) > 0 || err != nil {
		return &LeakError{Threads: threads, Err: err}
	}
	if n := rt.in.Views(); n > 0 { // nobody can make another: the memory behind them must stay
		return &LeakError{Views: n}
	}
	if n := rt.in.Arrays(); n > 0 { // nobody can take another: the memory behind them must stay
		return &LeakError{Arrays: n}
	}
	rt.codes.close()
	rt.names.free(rt.in)
	rt.interned.free(rt.in)
	rt.in.EndCalls()
	rt.classes.free()
	rt.endLife(ErrClosed)
	rt.cancelMu.Lock()
	rt.finished = true
	rt.cancelMu.Unlock()
	close(rt.done)
	close(rt.jobs)
	if err := rt.in.Finish(rt.cfg.CloseTimeout); err != nil {
		return &LeakError{Err: err}
	}
	if rt.parent != nil {
		rt.parent.children.remove(rt)
	}
	return nil
}

// gone: Python cannot be opened anew, but another error tells so from now on. A sub-interpreter
// that was left unfinished stays a child, and is one of those that keep its parent from finishing.
func (rt *Runtime) gone() {
	if rt.parent == nil {
		main.closed(rt)
	}
}

func (m *mainState) closed(rt *Runtime) {
	m.Lock()
	defer m.Unlock()
	m.rt = nil
}

// busy is the number of calls and attachments under way, abandoned ones with them.
func (rt *Runtime) busy() int {
	_, inside, _ := rt.gate.counts()
	return inside + int(rt.abandons.Load())
}

// drain waits until nobody is inside; after CloseTimeout it cancels them, and waits as long again.
// Afterwards nobody is being cancelled.
func (rt *Runtime) drain() error {
	if rt.waitIdle(rt.cfg.CloseTimeout) {
		return nil
	}
	rt.cancelling.Store(true)
	rt.endLife(ErrClosed)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		rt.cancelAll(stop)
	}()
	rt.waitIdle(rt.cfg.CloseTimeout)
	close(stop)
	if n := rt.busy(); n > 0 {
		return &LeakError{Inside: n}
	}
	select {
	case <-stopped:
		return nil
	case <-time.After(rt.cfg.CloseTimeout):
		return &LeakError{Err: errors.New("a thread of Python does not let the GIL go")}
	}
}

func (rt *Runtime) waitIdle(limit time.Duration) bool {
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for rt.busy() > 0 {
		select {
		case <-rt.gate.idle: // told by the last to leave, and by each abandoned call that ends
		case <-timeout.C:
			return false
		}
	}
	return true
}

// cancelAll raises the cancelling exception in all who are inside, again and again.
func (rt *Runtime) cancelAll(stop <-chan struct{}) {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		rt.cancelMu.Lock()
		if !rt.finished {
			rt.in.CancelAll()
		}
		rt.cancelMu.Unlock()
		select {
		case <-stop:
			return
		case <-time.After(wait):
		}
	}
}

// shutdown ends Python's own threads and runs the atexit handlers, past the gate, which is closed.
func (rt *Runtime) shutdown() (left []string, err error) {
	name, _, err := rt.names.get("_pyhost.shutdown")
	if err != nil {
		return nil, err
	}
	c := &call{rt: rt, done: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := c.enc.Args([]any{rt.cfg.CloseTimeout.Seconds()}, nil); err != nil {
		return nil, err
	}
	c.frame.Reset(cgo.FlagCancellable)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		rt.absorb()
		c.status = rt.in.Run(&c.frame, cgo.OpCall, uint64(name), c.enc.Buf)
		c.done <- struct{}{}
	}()
	if !rt.awaitShutdown(c) {
		return nil, errors.New("threads or atexit handlers did not end")
	}
	return left, rt.result(c, c.status, &left)
}

// absorb takes an exception that cancelAll has set and a call of C code left behind on this OS
// thread.
func (rt *Runtime) absorb() {
	c := getCall()
	defer c.put()
	name, _, err := rt.names.get("_pyhost.absorb")
	if err == nil && c.enc.Args(nil, nil) == nil {
		rt.in.Run(&c.frame, cgo.OpCall, uint64(name), c.enc.Buf)
	}
}

// awaitShutdown gives it its own time, and as long again when it is cancelled.
func (rt *Runtime) awaitShutdown(c *call) bool {
	defer close(c.ended)
	for cancelled := false; ; cancelled = true {
		select {
		case <-c.done:
			return true
		case <-time.After(2 * rt.cfg.CloseTimeout):
		}
		if cancelled {
			return false
		}
		go rt.cancel(&c.frame, c.ended)
	}
}
