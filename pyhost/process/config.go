//go:build linux

package process

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// Config says how Start makes a worker. The zero value is the default: this program once more, with
// the Python that pyhost.Open would take.
type Config struct {
	// Command is the program that becomes the worker, and its arguments; it must import this
	// package, and be built from the same version of it. Empty: the program that runs.
	Command []string

	// Setup is Python code that runs in each worker before it takes calls.
	Setup string

	// As in pyhost.Config; Env is added to what Inherit lets through.
	Python                   string
	Args                     []string
	Path                     []string
	Env                      map[string]string
	UseEnvironment, UserSite bool
	CurrentDir               bool
	MaxThreads               int
	Audit                    *pyhost.Audit

	// Stdout and Stderr take what the worker and the processes that it starts write to descriptors
	// 1 and 2. What a call has written is there when the call returns. Nil: os.Stdout and
	// os.Stderr.
	Stdout, Stderr io.Writer

	// Inherit names the environment variables that the worker gets from this program; a name may
	// end in "*". Nil: all. Empty, but not nil: none.
	Inherit []string
	// Dir is its working folder. Empty: that of this program.
	Dir string
	// Limits are enforced by the kernel.
	Limits Limits

	// Grace is how long a call whose context has ended may go on. One that does not stop is
	// abandoned: its worker gets no more calls, a new one takes its place, and it is killed when
	// the others have ended, or after CloseTimeout. 0: 30 ms.
	Grace time.Duration
	// CloseTimeout is how long Close waits for calls under way before it cancels them. 0: 5 s.
	CloseTimeout time.Duration
	// StartTimeout bounds the start of a worker, but not its Setup. 0: 30 s.
	StartTimeout time.Duration

	// Logger is told when workers start, end and are restarted. Nil: nobody is.
	Logger *slog.Logger
}

// Limits of a worker; 0 is none. One that is exceeded is an error in Python where it can be, and
// the end of the worker where it cannot.
type Limits struct {
	// Memory bounds the bytes that Python takes from the system: what exceeds it is a MemoryError,
	// as with pyhost.Config.MemoryLimit. C code, such as numpy's, meets a limit of the kernel
	// (RLIMIT_DATA): so much more than the worker has when it is ready, and room for the stacks of
	// MaxThreads threads. On a free-threaded build that is the only one.
	Memory int64
	// CPU bounds the processor time of the worker, in full seconds: SIGXCPU ends it.
	CPU time.Duration
	// Files bounds its open files. Some 16 are its own.
	Files uint64
}

var errConfig = errors.New("process: Config")

func (c *Config) defaults() error {
	if c.Grace == 0 {
		c.Grace = 30 * time.Millisecond
	}
	if c.CloseTimeout == 0 {
		c.CloseTimeout = 5 * time.Second
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = 30 * time.Second
	}
	if c.MaxThreads == 0 {
		c.MaxThreads = 64
	}
	return c.validate()
}

func (c *Config) validate() error {
	var errs []error
	bad := func(when bool, text string) {
		if when {
			errs = append(errs, fmt.Errorf("%w: %s", errConfig, text))
		}
	}
	bad(c.Grace < 0 || c.CloseTimeout < 0 || c.StartTimeout < 0, "a time is negative")
	bad(c.Limits.Memory < 0 || c.Limits.CPU < 0, "a limit is negative")
	bad(c.MaxThreads < 1 || c.MaxThreads > begunSlots, fmt.Sprintf("MaxThreads is not 1 to %d",
		begunSlots))
	bad(len(c.Command) > 0 && c.Command[0] == "", "Command is empty")
	for k, v := range c.Env {
		bad(k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00"),
			fmt.Sprintf("Env has a bad entry %q", k))
	}
	return errors.Join(errs...)
}

// reports: audit events are to be reported.
func (c *Config) reports() bool { return c.Audit != nil && c.Audit.Report != nil }

// environment is what the worker gets.
func (c *Config) environment() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		_, ours := c.Env[name]
		if !ours && name != startVar && (c.Inherit == nil || c.inherits(name)) {
			env = append(env, kv)
		}
	}
	for k, v := range c.Env {
		env = append(env, k+"="+v)
	}
	return env
}

func (c *Config) inherits(name string) bool {
	return slices.ContainsFunc(c.Inherit, func(p string) bool {
		prefix, any := strings.CutSuffix(p, "*")
		return p == name || any && strings.HasPrefix(name, prefix)
	})
}
