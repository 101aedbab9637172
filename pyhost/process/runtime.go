//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Runtime is a Python interpreter in a process of its own: a pyhost.Runner. Any goroutine may use
// it at any time; calls of many run side by side in the worker, as its gate lets them.
//
// When its worker ends, for whatever reason, the calls that it was running get an *ExitError and a
// new worker takes its place, which gets the calls that were still waiting. What Setup has made is
// there again, what calls have made is not.
type Runtime struct {
	cfg      Config
	python   pyhost.Python
	restarts atomic.Uint64
	calls    atomic.Uint64
	looked   atomic.Int64 // at resident: Unix ms
	resident atomic.Int64

	registering sync.Mutex
	registry    atomic.Pointer[[]registration] // replaced as a whole, under registering
	installs    *installs

	mu       sync.Mutex
	cur      *worker   // nil while there is none; guarded by mu, as are the rest
	starting *starting // the start under way
	closed   bool
	old      map[*worker]bool // retired, and not ended yet
	info     pyhost.Info

	ctx      context.Context // of restarts; ends with the runtime
	stop     context.CancelFunc
	closing  sync.Once
	closeErr error
}

var (
	_ pyhost.Runner = (*Runtime)(nil)
	_ pyhost.Remote = (*worker)(nil)
)

// Start starts a worker and returns when it is ready for calls and its Setup has run. To be closed
// by Close.
func Start(ctx context.Context, cfg Config) (*Runtime, error) {
	return startWith(ctx, cfg, &installs{})
}

func startWith(ctx context.Context, cfg Config, with *installs) (*Runtime, error) {
	if ctx == nil {
		return nil, pyhost.ErrNilContext
	}
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	python, err := pyhost.Locate(ctx, cfg.Python)
	if err != nil {
		return nil, err
	}
	rt := &Runtime{cfg: cfg, python: python, old: map[*worker]bool{}, installs: with}
	rt.ctx, rt.stop = context.WithCancel(context.WithoutCancel(ctx))
	w, err := rt.start(ctx)
	if err != nil {
		rt.stop()
		return nil, err
	}
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.adopt(w)
	return rt, nil
}

// Call calls a Python function: see pyhost.Runtime.Call. An error is an *ExitError if the worker
// has ended meanwhile: how far the call had come nobody knows.
func (rt *Runtime) Call(ctx context.Context, name string, out any, args ...any) error {
	return rt.do(ctx, cgo.OpCall, name, out, func(c *call) error {
		c.req.name = name
		return c.args(args)
	})
}

// Eval evaluates an expression: see pyhost.Runtime.Eval.
func (rt *Runtime) Eval(ctx context.Context, expr string, out any, in ...pyhost.Scope) error {
	return rt.code(ctx, cgo.OpEval, "<eval>", expr, out, in)
}

// Exec runs code: see pyhost.Runtime.Exec.
func (rt *Runtime) Exec(ctx context.Context, source string, in ...pyhost.Scope) error {
	return rt.code(ctx, cgo.OpExec, "<exec>", source, nil, in)
}

func (rt *Runtime) code(ctx context.Context, op cgo.Op, file, text string, out any,
	in []pyhost.Scope) error {
	if len(in) > 1 {
		return fmt.Errorf("pyhost: %d scopes given: want one at most", len(in))
	}
	if len(in) == 1 && in[0].File != "" {
		file = in[0].File
	}
	return rt.do(ctx, op, file, out, func(c *call) error { return c.source(file, text, in) })
}

func (c *call) source(file, text string, in []pyhost.Scope) error {
	c.req.name = file
	c.enc.Buf = append(c.enc.Buf, text...)
	if len(in) == 0 {
		return nil
	}
	ref := pyhost.ScopeRef(in[0])
	if ref == nil {
		return nil
	}
	p, _, err := c.ref(ref)
	c.req.object = uint64(p)
	return err
}

func (w *worker) exec(ctx context.Context, text string, in pyhost.Scope) error {
	return w.try(ctx, cgo.OpExec, in.File, nil, func(c *call) error {
		return c.source(in.File, text, []pyhost.Scope{in})
	})
}

// do makes the call on the worker that takes calls: again, if it was not sent, or may be made
// again.
func (rt *Runtime) do(ctx context.Context, op cgo.Op, label string, out any,
	fill func(*call) error) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	if err := pyhost.CheckTarget(out); err != nil {
		return err
	}
	rt.calls.Add(1)
	for retries, unsent := retriesOf(ctx), 0; ; {
		if ctx.Err() != nil {
			return pyhost.NewCancelError(ctx, label)
		}
		w, err := rt.worker(ctx, label)
		if err != nil {
			return err
		}
		if err = rt.equip(ctx, w); err == nil {
			err = w.attempt(ctx, op, label, out, fill)
		}
		if err == nil {
			return nil
		}
		if errors.Is(err, errNotSent) && unsent < maxUnsent {
			unsent++
			rt.drop(w)
			continue
		}
		var exit *ExitError
		if retries == 0 || !errors.As(err, &exit) {
			return err
		}
		retries--
		rt.drop(w)
	}
}

// equip gives a worker what it does not have yet of what all are to have. errNotSent: it has ended.
func (rt *Runtime) equip(ctx context.Context, w *worker) error {
	err := w.catchUp(ctx, rt.registry.Load())
	if err == nil {
		err = w.installAll(ctx, rt.installs.list.Load())
	}
	var exit *ExitError
	if errors.Is(err, ErrGone) || errors.As(err, &exit) {
		return errors.Join(errNotSent, err)
	}
	return err
}

type retryKey struct{}

// WithRetry marks the calls that are made with the context as idempotent: one whose worker ends
// before it answers is made again, on the next worker, up to n times.
func WithRetry(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, retryKey{}, max(n, 0))
}

func retriesOf(ctx context.Context) int {
	n, _ := ctx.Value(retryKey{}).(int)
	return n
}

// NewNamespace makes an empty namespace in the worker; it goes with it.
func (rt *Runtime) NewNamespace(ctx context.Context) (*pyhost.Namespace, error) {
	return pyhost.NewNamespace(ctx, rt)
}

// Info describes the worker that takes calls, or the last one.
func (rt *Runtime) Info() pyhost.Info {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return rt.info
}

// Stats are figures of a Runtime.
type Stats struct {
	Calls    uint64 // so far
	Pending  int    // calls that wait for their answer
	Restarts uint64 // of the worker
	Resident int64  // bytes of the worker's memory that it holds (RSS); 0 if there is none
}

// Stats gives the figures of the moment.
func (rt *Runtime) Stats() Stats {
	s := Stats{Calls: rt.calls.Load(), Restarts: rt.restarts.Load()}
	rt.mu.Lock()
	w := rt.cur
	rt.mu.Unlock()
	if w != nil {
		s.Resident = resident(w.proc.Pid)
		w.mu.Lock()
		s.Pending = w.live
		w.mu.Unlock()
	}
	return s
}

// residentNow looks ten times a second at most, and says what it saw last in between.
func (rt *Runtime) residentNow() int64 {
	now := time.Now().UnixMilli()
	if was := rt.looked.Load(); now-was >= 100 && rt.looked.CompareAndSwap(was, now) {
		rt.resident.Store(rt.Stats().Resident)
	}
	return rt.resident.Load()
}
