package pyhost

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Python describes one CPython installation, usable or not.
type Python struct {
	// Version is "3.11.7" or "3.15.0a2", as sys.version_info has it; "3.11" for a libpython that
	// has no executable to ask.
	Version string
	// Executable becomes sys.executable: a venv's own python, what a shim leads to; "" if there is
	// none.
	Executable string
	// Libpython is the absolute path of the shared libpython, "" if there is none.
	Libpython string
	// Prefix and BasePrefix are sys.prefix and sys.base_prefix: they differ in a venv.
	Prefix, BasePrefix string
	// Stdlib is the folder that holds os.py.
	Stdlib string
	// Venv says that Prefix is a virtual environment.
	Venv bool
	// FreeThreaded says that it is a build that can run without the GIL.
	FreeThreaded bool
	// Source says how it was found: "Config.Python", "PYHOST_PYTHON", "VIRTUAL_ENV", "bundled",
	// "PATH", "system", "conda", "pyenv", "uv", "mise" or "asdf".
	Source string
	// Chosen says that the user or the program asked for this one, by Config.Python,
	// PYHOST_PYTHON, VIRTUAL_ENV or the import of package bundled: if it can't be used, Open fails
	// and does not look further.
	Chosen bool
	// Err says why Open can't use it; nil if it can.
	Err error
}

// Usable reports whether [Open] can use p.
func (p Python) Usable() bool { return p.Err == nil }

// Discover returns every Python found, in the order in which [Open] considers them when
// Config.Python is empty, each installation once. Open takes the first that is usable, unless one
// that is [Python.Chosen] and not usable comes before it. The order is: PYHOST_PYTHON, VIRTUAL_ENV,
// a bundled Python that the program imports, python3 on PATH, well-known places.
//
// The first call on a machine runs each interpreter once, some 30 ms each; what they say of
// themselves is kept in os.UserCacheDir. If ctx ends, those not yet asked have its error in Err.
func Discover(ctx context.Context) []Python {
	var found []*Python
	var group errgroup.Group
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for c, t := range targets("") {
		p := new(Python)
		found = append(found, p)
		group.Go(func() error {
			*p = describe(ctx, c, t)
			return nil
		})
	}
	_ = group.Wait() // describe reports in Err
	return distinct(found)
}

// distinct drops an installation reached in a second way that only a probe shows, such as a script
// on PATH that runs another python.
func distinct(found []*Python) []Python {
	seen := map[string]bool{}
	var list []Python
	for _, p := range found {
		key := fmt.Sprint(realPath(p.Prefix), p.Version, p.FreeThreaded)
		if p.Prefix != "" && seen[key] {
			continue
		}
		seen[key] = true
		list = append(list, *p)
	}
	return list
}

// locate returns the Python that Open is to use. spec is Config.Python.
func locate(ctx context.Context, spec string) (Python, error) {
	var refused []Python
	for c, t := range targets(spec) {
		p := describe(ctx, c, t)
		switch {
		case p.Usable():
			return p, nil
		case ctx.Err() != nil:
			return p, fmt.Errorf("pyhost: looking for a Python: %w", ctx.Err())
		case c.chosen && c.path != "":
			return p, fmt.Errorf("pyhost: %s=%q: %w", c.source, c.path, p.Err)
		case c.chosen:
			return p, fmt.Errorf("pyhost: %s Python: %w", c.source, p.Err)
		}
		refused = append(refused, p)
	}
	return Python{}, noPython(refused)
}

func noPython(refused []Python) error {
	var why strings.Builder
	for _, p := range refused {
		fmt.Fprintf(&why, "\n\t%s (%s): %v", p.Executable, p.Source, p.Err)
	}
	return fmt.Errorf("pyhost: %w; name one in Config.Python or PYHOST_PYTHON, or import "+
		"github.com/pyhost/pyhost/pyhost/bundled%s", ErrNoPython, why.String())
}

// describe finds out all about one candidate.
func describe(ctx context.Context, c candidate, t target) Python {
	p, err := inspect(ctx, t)
	p.Source, p.Chosen, p.Err = c.source, c.chosen, err
	return p
}

func inspect(ctx context.Context, t target) (Python, error) {
	p := Python{Executable: t.exe, Libpython: t.lib}
	if t.err != nil {
		return p, t.err
	}
	facts, err := t.facts(ctx)
	if err != nil {
		return p, err
	}
	p = facts.python()
	if err := facts.check(); err != nil {
		return p, err
	}
	if t.lib == "" {
		p.Libpython, err = facts.libpython()
		return p, err
	}
	p.Libpython = t.lib
	if err := checkLibrary(t.lib); err != nil {
		return p, fmt.Errorf("%w: %w", ErrNotPython, err)
	}
	return p, nil
}

// realPath is path without symbolic links, or path itself if it can't be followed.
func realPath(path string) string {
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	return path
}
