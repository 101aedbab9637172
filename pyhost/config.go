package pyhost

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// Config says how Open starts Python. The zero value is the default: the first usable Python in the
// order of [Discover], isolated from the environment.
type Config struct {
	// Python chooses the installation: an executable, a virtual environment, a prefix or a
	// libpython file. Empty: PYHOST_PYTHON, VIRTUAL_ENV, a bundled Python that the program imports,
	// python3 on PATH, then well-known places.
	Python string

	// Args is sys.argv. Empty: one empty string, as for an embedded Python.
	Args []string
	// Path is put at the front of sys.path.
	Path []string
	// Env is added to os.environ. The environment belongs to the process: C code and subprocesses
	// see it too, Go's os.Getenv does not.
	Env map[string]string

	// Stdout and Stderr take what Python writes to sys.stdout and sys.stderr, from any goroutine or
	// thread of Python, one write at a time for each. As on a terminal a line comes when it ends,
	// and a part of one when it is flushed. Nil: the process's own descriptors. An error or a panic
	// of the writer is an OSError in Python. A writer may call the runtime, but what it makes
	// Python print must not go to the same stream.
	Stdout, Stderr io.Writer

	// UseEnvironment honours PYTHON* variables, UserSite puts the user's site-packages on sys.path,
	// CurrentDir puts the current folder there. All are off by default.
	UseEnvironment, UserSite, CurrentDir bool

	// Audit is a policy on what Python code does. Nil: none.
	Audit *Audit

	// MaxThreads bounds the goroutines inside Python at once, each on an OS thread of its own:
	// those that hold the GIL, wait for it, or run code that let it go. Others wait in Go. 0: 64.
	// Abandoned calls come on top, up to as many again.
	MaxThreads int

	// MemoryLimit bounds the bytes that the interpreter takes from the system; what would exceed it
	// raises MemoryError. Up to 3.12 interpreters share what small objects are made in: it counts
	// for the one that needed it. Free-threaded builds have no such limit. 0: none.
	MemoryLimit int64

	// Grace is how long a call whose context has ended may go on before it is abandoned. Pure
	// Python code stops in 5-6 ms, the switch interval. 0: 30 ms.
	Grace time.Duration

	// CloseTimeout is how long Close waits for what is under way before it cancels it, and how long
	// it then waits again before it gives up. 0: 5 s.
	CloseTimeout time.Duration
}

func (c *Config) defaults() error {
	if len(c.Args) == 0 {
		c.Args = []string{""}
	}
	if c.MaxThreads == 0 {
		c.MaxThreads = 64
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Millisecond
	}
	if c.CloseTimeout == 0 {
		c.CloseTimeout = 5 * time.Second
	}
	return c.validate()
}

func (c *Config) validate() error {
	var errs []error
	bad := func(when bool, format string, args ...any) {
		if when {
			errs = append(errs, fmt.Errorf("pyhost: Config."+format, args...))
		}
	}
	bad(c.MaxThreads < 1 || c.MaxThreads > gateInside, "MaxThreads is %d: want 1 to %d",
		c.MaxThreads, gateInside)
	bad(c.MemoryLimit < 0, "MemoryLimit is negative")
	bad(c.Grace < 0, "Grace is negative")
	bad(c.CloseTimeout < 0, "CloseTimeout is negative")
	bad(hasNUL(c.Args...), "Args holds a NUL")
	bad(hasNUL(c.Path...), "Path holds a NUL")
	for k, v := range c.Env {
		bad(k == "" || strings.Contains(k, "=") || hasNUL(k, v), "Env has a bad entry %q", k)
	}
	errs = append(errs, c.Audit.validate())
	bad(runtime.GOOS == "windows", "Python: Windows is not supported")
	return errors.Join(errs...)
}

func hasNUL(ss ...string) bool {
	for _, s := range ss {
		if strings.IndexByte(s, 0) >= 0 {
			return true
		}
	}
	return false
}
