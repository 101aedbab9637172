package pyhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pyhost/pyhost/cgo"
)

// ErrOwnGILUnsupported tells that sub-interpreters of this Python cannot have a GIL of their own.
var ErrOwnGILUnsupported = errors.New("pyhost: a sub-interpreter with a GIL of its own needs " +
	"CPython 3.13 or later, built with a GIL: share the main interpreter's, by Config.GIL: " +
	"subinterp.SharedGIL, or use processes")

// ErrNotIsolatable tells of a module that cannot be loaded in a sub-interpreter.
var ErrNotIsolatable = errors.New("pyhost: not isolatable")

// NotIsolatableError is the error of an import that a sub-interpreter refuses: the module keeps
// state that all interpreters would share, as numpy does, and torch, and all that is built with
// PyO3. Up to Python 3.11, which cannot tell them apart, it is any extension module that is not of
// the standard library. errors.Is finds ErrNotIsolatable in it, and pyhost.ImportError.
type NotIsolatableError struct {
	Module string       // the extension module that refuses, if the exception names it
	Python *PythonError // what the import raised
}

func (e *NotIsolatableError) Error() string {
	return fmt.Sprintf("pyhost: %s cannot be loaded in a sub-interpreter: "+
		"use the main interpreter or a process", e.Module)
}

// Unwrap gives ErrNotIsolatable and the exception.
func (e *NotIsolatableError) Unwrap() []error { return []error{ErrNotIsolatable, e.Python} }

// isolatable makes a NotIsolatableError of an exception that is one at heart.
func isolatable(err error) error {
	pe, ok := err.(*PythonError) //nolint:errorlint // the chain is walked below
	if !ok {
		return err
	}
	for e := pe; e != nil; e, _ = e.Cause.(*PythonError) { //nolint:errorlint // as above
		if module := refused(e); module != "" {
			return &NotIsolatableError{module, pe}
		}
	}
	return err
}

// refused is the module that CPython refuses, or that refuses itself, as all of Cython and PyO3 do;
// "" if it is another exception.
func refused(e *PythonError) string {
	if !e.Is(ImportError) {
		return ""
	}
	module, ok := strings.CutSuffix(e.Message, " does not support loading in subinterpreters")
	switch {
	case ok:
		return strings.TrimPrefix(module, "module ")
	case strings.HasPrefix(e.Message, "Interpreter change detected"),
		strings.HasPrefix(e.Message, "PyO3 modules do not yet support subinterpreters"):
		name, _ := e.Attrs["name"].(string)
		return cmp.Or(name, "an extension module")
	}
	return ""
}

// ChildConfig says how NewChild makes a sub-interpreter. Package subinterp, which has defaults, is
// what programs use. It is for this library's own packages.
type ChildConfig struct {
	Config  // Python, Env, UseEnvironment and UserSite are the main interpreter's
	Options cgo.Sub
}

// children are the sub-interpreters of the main one.
type children struct {
	mu     sync.Mutex
	open   map[*Runtime]bool
	closed bool // no more may come
}

// flavour is the version, and what else tells whether there can be GILs.
func (rt *Runtime) flavour() string {
	if rt.python.FreeThreaded {
		return "a free-threaded " + rt.python.Version + ", which has none: its main interpreter " +
			"runs in parallel as it is"
	}
	return rt.python.Version
}

// NewChild makes a sub-interpreter of the main one: a runtime of its own, to be closed on its own,
// or by the Close of its parent. Any goroutine may call it; one that is attached detaches
// meanwhile. Its errors are those that package subinterp tells of. It is for this library's own
// packages.
func (rt *Runtime) NewChild(ctx context.Context, cfg ChildConfig) (*Runtime, error) {
	if rt.parent != nil {
		return nil, errors.New("pyhost: NewChild of a sub-interpreter: ask the main one")
	}
	if ctx == nil {
		return nil, ErrNilContext
	}
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	if cfg.Options.OwnGIL && !cgo.OwnGIL() {
		return nil, fmt.Errorf("%w (this is %s)", ErrOwnGILUnsupported, rt.flavour())
	}
	if scopes.Load() != 0 {
		defer cgo.Park().Unpark()
	}
	if err := rt.prepareChildren(ctx); err != nil {
		return nil, err
	}
	// A place inside keeps the main interpreter from ending meanwhile.
	p, err := rt.gate.enter(ctx)
	if err != nil {
		return nil, rt.refused(ctx, "NewChild", err)
	}
	if p.flags&cgo.FlagBaton != 0 {
		rt.in.PassBaton()
	}
	defer rt.gate.leave(p)
	return rt.newChild(cfg)
}

func (rt *Runtime) newChild(cfg ChildConfig) (*Runtime, error) {
	child := &Runtime{cfg: cfg.Config, jobs: make(chan *call), done: make(chan struct{}),
		python: rt.python, parent: rt, isolate: cfg.Options.CheckExtensions}
	err := child.begin(func(f *cgo.Frame) (*cgo.Interp, cgo.Status, error) {
		return rt.in.StartSub(&cfg.Options, f)
	})
	if child.in == nil {
		return nil, fmt.Errorf("pyhost: new sub-interpreter: %w", err)
	}
	if err == nil && !rt.children.add(child) {
		err = ErrClosed
	}
	if err != nil {
		return nil, errors.Join(err, child.Close())
	}
	return child, nil
}

// mainFirst are the modules that crash in a sub-interpreter unless the main one has imported them
// before: in 3.12 github.com/python/cpython/issues/110415, in 3.13 issues/136421.
var mainFirst = map[string]string{
	"3.12": "datetime decimal sqlite3 hashlib ssl socket asyncio urllib.request",
	"3.13": "datetime",
}

func (rt *Runtime) prepareChildren(ctx context.Context) error {
	for version, modules := range mainFirst {
		if strings.HasPrefix(rt.python.Version, version+".") {
			return rt.Call(ctx, "_pyhost.import_all", nil, strings.Fields(modules))
		}
	}
	return nil
}

func (c *children) add(rt *Runtime) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	if c.open == nil {
		c.open = map[*Runtime]bool{}
	}
	c.open[rt] = true
	return true
}

// inside tells whether the calling goroutine is in one of them, whose end it would wait for.
func (c *children) inside() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for rt := range c.open {
		if rt.in.Inside() {
			return true
		}
	}
	return false
}

func (c *children) remove(rt *Runtime) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, rt)
}

// closeAgain closes a sub-interpreter that was left to a call that would not end, if it has ended.
func (rt *Runtime) closeAgain() error {
	err := rt.Close()
	var leak *LeakError
	if errors.As(err, &leak) && leak.Inside > 0 && rt.busy() == 0 {
		return rt.close()
	}
	return err
}

// close closes all of them, and those that are closing already.
func (c *children) close() error {
	c.mu.Lock()
	c.closed = true
	var wg sync.WaitGroup
	errs := make([]error, 0, len(c.open))
	var mu sync.Mutex
	for rt := range c.open {
		wg.Go(func() {
			if err := rt.closeAgain(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("sub-interpreter %d: %w", rt.in.ID(), err))
			}
		})
	}
	c.mu.Unlock()
	wg.Wait()
	return errors.Join(errs...)
}
