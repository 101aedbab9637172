//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// starting is a start of a worker that several wait for.
type starting struct {
	done chan struct{}
	err  error // once done is closed
}

// start starts a worker, has it run Setup, and equips it: not a call, whose context may end in the
// middle of that.
func (rt *Runtime) start(ctx context.Context) (*worker, error) {
	w, err := startWorker(ctx, &rt.cfg, rt.python, rt.ended)
	if err != nil {
		return nil, err
	}
	if rt.cfg.Setup != "" {
		err = w.exec(ctx, rt.cfg.Setup, pyhost.Scope{File: "<setup>"})
	}
	if err == nil {
		err = rt.equip(ctx, w)
	}
	if err != nil {
		w.kill("its Setup failed")
		<-w.done
		return nil, fmt.Errorf("process: setup: %w", err)
	}
	return w, nil
}

// adopt makes w the one that gets calls. Under mu.
func (rt *Runtime) adopt(w *worker) {
	rt.cur, rt.info = w, w.info
	rt.log("worker started", w)
}

func (rt *Runtime) log(text string, w *worker, attrs ...any) {
	if rt.cfg.Logger != nil {
		rt.cfg.Logger.Info("process: "+text, append(attrs, slog.Int("pid", w.proc.Pid))...)
	}
}

// ended is told when a worker has ended, and before that when it is retired.
func (rt *Runtime) ended(w *worker) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	w.mu.Lock()
	exit := w.exit
	w.mu.Unlock()
	if exit == nil {
		rt.old[w] = true
	} else {
		delete(rt.old, w)
		rt.log("worker ended", w, slog.String("how", exit.Error()))
	}
	if rt.cur != w {
		return
	}
	rt.cur = nil
	// One that has ended at once may do so again: then the next call starts it, and gets the error.
	if !rt.closed && (exit == nil || time.Since(w.since) > time.Second) {
		rt.restart()
	}
}

// restart begins the start of a worker, unless that was done. Under mu.
func (rt *Runtime) restart() *starting {
	if rt.starting != nil {
		return rt.starting
	}
	s := &starting{done: make(chan struct{})}
	rt.starting = s
	rt.restarts.Add(1)
	go func() {
		w, err := rt.start(rt.ctx)
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.starting = nil
		s.err = err
		close(s.done)
		switch {
		case err != nil:
		case rt.closed:
			rt.old[w] = true
		default:
			rt.adoptLive(w)
		}
	}()
	return s
}

// adoptLive: it may have ended since it was ready. Under mu.
func (rt *Runtime) adoptLive(w *worker) {
	w.mu.Lock()
	ended := w.exit != nil
	w.mu.Unlock()
	if !ended {
		rt.adopt(w)
	}
}

// maxStarts bounds the workers that may end of their own, one after the other, while they start.
const maxStarts = 3

// worker gives the one that takes calls; it waits for its start.
func (rt *Runtime) worker(ctx context.Context, label string) (*worker, error) {
	for tries := 1; ; tries++ {
		rt.mu.Lock()
		if rt.closed {
			rt.mu.Unlock()
			return nil, pyhost.ErrClosed
		}
		if w := rt.cur; w != nil {
			rt.mu.Unlock()
			return w, nil
		}
		s := rt.restart()
		rt.mu.Unlock()
		select {
		case <-s.done:
			var exit *ExitError
			if s.err != nil && (tries == maxStarts || !errors.As(s.err, &exit) ||
				exit.Reason != "") {
				return nil, fmt.Errorf("process: restart: %w", s.err)
			}
		case <-ctx.Done():
			return nil, pyhost.NewCancelError(ctx, label)
		}
	}
}

// maxUnsent bounds the workers that may end, one after the other, before they have begun a call.
const maxUnsent = 100

// drop sees that a worker that takes no calls is not asked again.
func (rt *Runtime) drop(w *worker) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.cur == w {
		rt.cur = nil
	}
}
