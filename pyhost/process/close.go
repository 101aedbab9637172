//go:build linux

package process

import (
	"maps"
	"slices"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// Close refuses new calls, waits for those under way, cancels what is left after
// Config.CloseTimeout and ends Python as pyhost.Runtime.Close does, then the worker and what it has
// started. One that does not end is killed: an *ExitError. One that has crashed meanwhile is closed
// too. Later calls return what the first returned.
func (rt *Runtime) Close() error {
	if rt == nil {
		return nil
	}
	rt.closing.Do(func() { rt.closeErr = rt.close() })
	return rt.closeErr
}

func (rt *Runtime) close() error {
	rt.mu.Lock()
	rt.closed = true
	rt.stop()
	w, s := rt.cur, rt.starting
	rt.cur = nil
	rt.mu.Unlock()
	if s != nil {
		<-s.done
	}
	for _, w := range rt.retired() {
		w.kill("its runtime is closed")
		<-w.done
	}
	if w == nil {
		return nil
	}
	return w.close()
}

func (rt *Runtime) retired() []*worker {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Collect(maps.Keys(rt.old))
}

func (w *worker) close() error {
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.listen()
	w.conn.send(frame{kind: kindClose}, nil, true)
	// It has its own time limits: for calls, for the same once more when they are cancelled, for
	// threads, and for the end.
	limit := time.AfterFunc(6*w.cfg.CloseTimeout+time.Second, func() { w.kill(didNotClose) })
	defer limit.Stop()
	cancel := time.AfterFunc(w.cfg.CloseTimeout, func() { w.endLife(pyhost.ErrClosed) })
	defer cancel.Stop()
	<-w.done
	select {
	case err := <-w.closed:
		return err
	default:
	}
	if w.exit.Reason == didNotClose {
		return w.exit.of("Close")
	}
	return nil // it has ended otherwise, maybe before
}

const didNotClose = "it did not close"
