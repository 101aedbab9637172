// Package subinterp makes sub-interpreters: Pythons of their own inside one process. Each is a
// *pyhost.Runtime with all of its methods, its own modules, builtins, warnings filters and classes,
// and its own GIL where CPython can give it one: then as many run at once as there are cores.
//
// Values cross between them by copy; an Object or a Ref of one is an error in another. What belongs
// to the process they share: environment, current folder, locale, umask, file descriptors, signal
// handlers, and the memory of C code.
//
// Where they share a GIL, code that computes in one gives it to others of the same interpreter
// every 5 ms, as ever; but up to Python 3.12 not to those of another: they wait until it lets the
// GIL go, for I/O or at its end.
//
// Extension modules that keep state for the whole process cannot be loaded: numpy, torch, all that
// is built with PyO3, and a few of the standard library (_curses, readline, _tracemalloc). Their
// import is pyhost.ErrNotIsolatable, and [Check] tells beforehand. Up to Python 3.11 nobody knows
// which they are, so all are refused that are not of the standard library.
package subinterp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// GIL says whose GIL a sub-interpreter takes.
type GIL int

// The kinds of GIL.
const (
	AnyGIL    GIL = iota // its own where CPython can give it one, else the main interpreter's
	OwnGIL               // its own: CPython 3.13 or later, built with a GIL
	SharedGIL            // that of the main interpreter: CPython 3.10 or later
)

// Config says how New makes a sub-interpreter. The zero value is the default.
type Config struct {
	GIL GIL

	// Setup is Python code that runs before New returns, and SetupFunc what runs after it. If one
	// fails New closes the interpreter and returns the error.
	Setup     string
	SetupFunc func(ctx context.Context, rt *pyhost.Runtime) error

	// As in pyhost.Config. Nil streams are the process's own descriptors.
	Args           []string
	Path           []string
	Stdout, Stderr io.Writer
	CurrentDir     bool
	MaxThreads     int
	MemoryLimit    int64
	Grace          time.Duration
	CloseTimeout   time.Duration
	Audit          *pyhost.Audit

	// LegacyExtensions lets it load extension modules that say nothing about sub-interpreters, and
	// are likely to corrupt what they share (check_multi_interp_extensions = 0); up to 3.11, all
	// that there are. From 3.12 on only with MainAllocator; on a free-threaded build an error.
	LegacyExtensions bool

	// The rest is what PyInterpreterConfig has, from CPython 3.12 on; before, an error.

	// NoThreads keeps Python code from starting threads (allow_threads = 0).
	NoThreads bool
	// DaemonThreads lets it start daemon threads (allow_daemon_threads), which Close may have to
	// leave behind. Not with NoThreads.
	DaemonThreads bool
	// Exec lets it replace the process by os.exec* (allow_exec). Default: an error in Python.
	Exec bool
	// MainAllocator has it use the main interpreter's allocator (use_main_obmalloc). Not with a GIL
	// of its own. On 3.12 it always does: CPython crashes at its end otherwise.
	MainAllocator bool
}

// Problems of Config that errors.Is finds.
var (
	// ErrConfig: settings that cannot be had together, or not with this Python.
	ErrConfig = errors.New("subinterp: Config")
)

var errNoMain = fmt.Errorf("%w: the main interpreter is nil", ErrConfig)

// New makes a sub-interpreter of the main one. Any goroutine may call it. Creation is not cut short
// when ctx ends, and takes some 10 ms; Setup and SetupFunc are. To be closed by Close, in any
// order; closing the main interpreter closes it too.
func New(ctx context.Context, main *pyhost.Runtime, cfg Config) (*pyhost.Runtime, error) {
	opt, err := cfg.options(main)
	if err != nil {
		return nil, err
	}
	rt, err := main.NewChild(ctx, pyhost.ChildConfig{
		Config: pyhost.Config{
			Args: cfg.Args, Path: cfg.Path, Stdout: cfg.Stdout, Stderr: cfg.Stderr,
			CurrentDir: cfg.CurrentDir, MaxThreads: cfg.MaxThreads, Grace: cfg.Grace,
			CloseTimeout: cfg.CloseTimeout, MemoryLimit: cfg.MemoryLimit, Audit: cfg.Audit,
		},
		Options: opt,
	})
	if err != nil {
		return nil, err
	}
	if err := cfg.setup(ctx, rt); err != nil {
		return nil, errors.Join(fmt.Errorf("subinterp: setup: %w", err), rt.Close())
	}
	return rt, nil
}

func (cfg *Config) setup(ctx context.Context, rt *pyhost.Runtime) error {
	if cfg.Setup != "" {
		if err := rt.Exec(ctx, cfg.Setup, pyhost.Scope{File: "<setup>"}); err != nil {
			return err
		}
	}
	if cfg.SetupFunc != nil {
		return cfg.SetupFunc(ctx, rt)
	}
	return nil
}

// options checks what CPython would refuse in fewer words.
func (cfg *Config) options(main *pyhost.Runtime) (cgo.Sub, error) {
	if main == nil {
		return cgo.Sub{}, errNoMain
	}
	var minor int
	version := main.Info().Python.Version
	if _, err := fmt.Sscanf(version, "3.%d", &minor); err != nil {
		return cgo.Sub{}, fmt.Errorf("%w: version %q: %w", ErrConfig, version, err)
	}
	var errs []error
	bad := func(when bool, text string) {
		if when {
			errs = append(errs, fmt.Errorf("%w: %s", ErrConfig, text))
		}
	}
	own := cfg.GIL == OwnGIL || cfg.GIL == AnyGIL && cgo.OwnGIL() && !cfg.MainAllocator
	bad(cfg.GIL < AnyGIL || cfg.GIL > SharedGIL, fmt.Sprintf("GIL is %d", cfg.GIL))
	bad(own && cfg.MainAllocator, "a GIL of its own needs an allocator of its own")
	bad(cfg.LegacyExtensions && !cfg.MainAllocator && minor >= 12,
		"LegacyExtensions needs MainAllocator")
	bad(cfg.LegacyExtensions && main.Info().Python.FreeThreaded,
		"a free-threaded Python has no LegacyExtensions")
	bad(cfg.DaemonThreads && cfg.NoThreads, "DaemonThreads needs threads")
	bad(minor < 12 && (cfg.NoThreads || cfg.DaemonThreads || cfg.Exec || cfg.MainAllocator),
		"Python "+version+" has no such settings: 3.12 is needed")
	return cgo.Sub{
		OwnGIL:             own,
		MainAllocator:      cfg.MainAllocator || minor == 12, // see TestKeywordsOfExtensions
		AllowExec:          cfg.Exec,
		AllowThreads:       !cfg.NoThreads,
		AllowDaemonThreads: cfg.DaemonThreads,
		CheckExtensions:    !cfg.LegacyExtensions,
	}, errors.Join(errs...)
}

// Check tells which of the modules cannot be imported in a sub-interpreter, by importing them in a
// new one: nil if all can. Its error joins those of the imports; errors.Is finds
// pyhost.ErrNotIsolatable where a module refuses. What is imported stays in the process's memory.
func Check(ctx context.Context, main *pyhost.Runtime, modules ...string) error {
	rt, err := New(ctx, main, Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	var errs []error
	for _, m := range modules {
		if err := rt.Call(ctx, "importlib.import_module", nil, m); err != nil {
			errs = append(errs, fmt.Errorf("subinterp: import %s: %w", m, err))
		}
	}
	return errors.Join(errs...)
}
