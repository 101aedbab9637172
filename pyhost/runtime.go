package pyhost

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// Runtime is one Python interpreter. Any goroutine may use it at any time.
type Runtime struct {
	cfg      Config
	python   Python
	in       *cgo.Interp
	gate     *gate
	names    names
	codes    codes
	interned interned
	origins  origins    // with the tag pydebug
	jobs     chan *call // hands calls with a cancellable context to idle workers
	done     chan struct{}
	stats    counters
	record   recorder
	tidier   tidier
	classes  classes

	parent   *Runtime // of a sub-interpreter
	isolate  bool     // it refuses extension modules that may not be isolatable
	children children

	cancelMu sync.Mutex     // one goroutine at a time waits for the GIL in order to cancel
	finished bool           // nobody may attach any more; guarded by cancelMu
	workers  sync.WaitGroup // run calls whose context can end
	abandons atomic.Int64   // calls abandoned and still running

	warming    sync.Once       // of the report of exceptions
	life       context.Context // ends when Close cancels what runs; for Go functions
	endLife    context.CancelCauseFunc
	strays     strays
	closing    sync.Once
	cancelling atomic.Bool // Close cancels whoever is inside
	closeErr   error
	streamsMu  [3]sync.Mutex // one write at a time for each stream
	auditFd    int           // what audit reports are written to; 0: audits
	audits     *AuditReceiver
}

// scopes counts Do, Acquire and writes to streams under way, of all runtimes: while there are none,
// no goroutine need ask where it stands.
var scopes atomic.Int64

// park detaches the goroutine from other interpreters, before it waits for this one.
func (rt *Runtime) park() *cgo.Parked {
	if scopes.Load() == 0 {
		return nil
	}
	return rt.in.Park()
}

// mainState: Python starts once per process.
type mainState struct {
	sync.Mutex
	started bool
	rt      *Runtime
}

var main mainState

// Open starts Python, once per process: the main interpreter. A second Open is ErrOpen, or
// ErrFinalized after Close. When Open fails before Python was started it may be called again.
func Open(cfg Config) (*Runtime, error) { return open(cfg, nil, 0) }

// open starts the Python that is given, or the one that cfg leads to.
func open(cfg Config, python *Python, auditFd int) (*Runtime, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	main.Lock()
	defer main.Unlock()
	if main.rt != nil {
		return nil, ErrOpen
	}
	if main.started {
		return nil, ErrFinalized
	}
	rt := &Runtime{cfg: cfg, jobs: make(chan *call), done: make(chan struct{}), auditFd: auditFd}
	if err := rt.load(python); err != nil {
		return nil, err
	}
	if err := rt.start(); err != nil {
		return nil, err
	}
	main.rt = rt
	return rt, nil
}

// load chooses an installation and loads its libpython, or takes the one that the process holds.
func (rt *Runtime) load(python *Python) error {
	var p Python
	if python != nil {
		p = *python
	} else {
		spec := rt.cfg.Python
		linked := cgo.Linked()
		if linked != "" && spec == "" {
			spec = linked
		}
		var err error
		if p, err = locate(context.Background(), spec); err != nil {
			return err
		}
	}
	if err := cgo.Load(p.Libpython); err != nil {
		return fmt.Errorf("pyhost: load %s: %w", p.Libpython, err)
	}
	version, _, _ := strings.Cut(cgo.LoadedVersion(), " ")
	p.Version, p.FreeThreaded = strings.TrimSuffix(version, "+"), cgo.FreeThreaded()
	rt.python = p
	return nil
}

func (rt *Runtime) start() error {
	if err := rt.tryEnvironment(); err != nil {
		return err
	}
	main.started = true // whatever happens now, Python cannot be started anew
	start := &cgo.Start{
		Program:        rt.python.Executable,
		UseEnvironment: rt.cfg.UseEnvironment, UserSite: rt.cfg.UserSite,
	}
	if start.Program == "" {
		start.Home = rt.python.Prefix
	}
	err := rt.begin(func(f *cgo.Frame) (*cgo.Interp, cgo.Status, error) {
		return cgo.StartMain(start, f)
	})
	if err != nil {
		return fmt.Errorf("pyhost: start %s: %w", rt.python.Libpython, err)
	}
	return nil
}

// begin starts the interpreter and makes it ready for calls.
func (rt *Runtime) begin(start func(*cgo.Frame) (*cgo.Interp, cgo.Status, error)) error {
	c := getCall()
	defer c.put()
	in, status, err := start(&c.frame)
	if err != nil {
		return err
	}
	rt.in, c.rt = in, rt
	rt.strays.init()
	rt.life, rt.endLife = context.WithCancelCause(context.Background())
	rt.gate = newGate(in.Gate(), in.Away(), rt.cfg.MaxThreads, rt.python.FreeThreaded, in.Inside)
	rt.codes.init()
	in.Serve((*host)(rt))
	if err := rt.result(c, status, nil); err != nil {
		return err
	}
	if err := rt.configure(); err != nil {
		return err
	}
	in.MemoryLimit(rt.cfg.MemoryLimit)
	if rt.python.FreeThreaded && rt.parent == nil { // 3.13 hangs where many of them collect
		go rt.tidy()
	}
	return nil
}

// tryEnvironment starts the executable where Python itself would end the process over a variable
// that it cannot use, such as PYTHONHOME: up to 3.13, whose start returns no error.
func (rt *Runtime) tryEnvironment() error {
	exe := rt.python.Executable
	if !rt.cfg.UseEnvironment || exe == "" || !cgo.StartMayExit() {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), probeTimeout)
	defer stop()
	if out, err := exec.CommandContext(ctx, exe, "-c", "pass").CombinedOutput(); err != nil {
		text := strings.TrimSpace(string(out))
		return fmt.Errorf("pyhost: %s does not start in this environment: %w\n%s", exe, err, text)
	}
	return nil
}

// configure hands Config to Python's side.
func (rt *Runtime) configure() error {
	if rt.cfg.Audit != nil {
		rt.audits = rt.cfg.Audit.Receiver()
	}
	path, env := rt.cfg.Path, rt.cfg.Env
	if path == nil {
		path = []string{}
	}
	if env == nil {
		env = map[string]string{}
	}
	settings := map[string]any{
		"stdout": rt.cfg.Stdout != nil, "stderr": rt.cfg.Stderr != nil,
		"args": rt.cfg.Args, "path": path, "env": env, "cwd": rt.cfg.CurrentDir,
		"audit":   rt.cfg.Audit.settings(rt.auditFd),
		"isolate": rt.isolate, "main": rt.parent == nil,
	}
	if err := rt.Call(context.Background(), "_pyhost.configure", nil, settings); err != nil {
		return fmt.Errorf("pyhost: configure: %w", err)
	}
	return nil
}

// Info describes a runtime.
type Info struct {
	Python      Python // the installation
	Interpreter int64  // CPython's number; 0 is the main interpreter
	Pid         int    // of the process that it runs in

	// GIL says that at most one thread runs Python code at a time. On a free-threaded build there
	// is none, until an extension module is imported that does not say that it can do without:
	// that turns it on for good. Of a process: as it was at its start.
	GIL bool
}

// Info describes the runtime. It asks Python for the GIL alone, and on a free-threaded build only.
func (rt *Runtime) Info() Info {
	return Info{Python: rt.python, Interpreter: rt.in.ID(), Pid: os.Getpid(), GIL: rt.hasGIL()}
}

// auditStream is what late.py writes audit reports to, as if it were a stream.
const auditStream = 3

// host is what C calls of a runtime.
type host Runtime

func (h *host) PassBaton() { h.gate.PassBaton() }

func (h *host) Write(fd int, p []byte) error {
	w := h.cfg.Stdout
	switch fd {
	case 2:
		w = h.cfg.Stderr
	case auditStream:
		_, err := h.audits.Write(p)
		return err
	}
	h.streamsMu[fd].Lock()
	defer h.streamsMu[fd].Unlock()
	scopes.Add(1) // calls of the writer run on its own thread, not on a worker's
	defer scopes.Add(-1)
	_, err := w.Write(p)
	return err
}

// Lost gives back the places of goroutines that exited while they were attached.
func (h *host) Lost() {
	for range h.in.TakeLost() {
		scopes.Add(-1)
		h.gate.leave(pass{flags: cgo.FlagSlot})
	}
}
