package isolation

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// Isolation says how far runtimes are apart.
type Isolation int

// The kinds, from near to far.
const (
	Auto       Isolation = iota // one of the others: see Config
	Goroutines                  // the main interpreter; goroutines are its threads
	SharedGIL                   // sub-interpreters that share the main interpreter's GIL
	OwnGIL                      // sub-interpreters with GILs of their own: CPython 3.13 or later
	Processes                   // processes of their own; Linux only
)

var names = [...]string{"auto", "goroutines", "shared GIL", "own GIL", "processes"}

// String is the kind in words.
func (i Isolation) String() string {
	if i < 0 || int(i) >= len(names) {
		return "Isolation(" + strconv.Itoa(int(i)) + ")"
	}
	return names[i]
}

// Config says what Start starts. The zero value is the default: Auto, as many runtimes as
// GOMAXPROCS, the Python that pyhost.Open would take.
//
// Auto is OwnGIL if this Python has it and Setup and Modules import nothing that refuses it: it
// tries. Else it is Processes: numpy refuses sub-interpreters, as do torch and all that is built
// with PyO3. On a free-threaded build it is Goroutines, or Processes if an import has turned the
// GIL on. Runtimes.Why tells. What was tried has run Setup too.
type Config struct {
	Isolation Isolation

	// Modules are what the code needs. They are imported in each runtime, after Setup: one that is
	// missing, or refuses, is an error of Start.
	Modules []string
	// Setup is Python code that runs in each runtime before it takes calls.
	Setup string

	// Main is the main interpreter, if the program has opened it; Processes do without, and take
	// its installation. Nil: Start opens one where it is needed, and Close closes it; as Python
	// starts once per process, no other can be opened afterwards.
	Main *pyhost.Runtime

	// As in pyhost.Config, of all runtimes but a Main that is given. Nil streams are the program's
	// own.
	Python         string
	Args           []string
	Path           []string
	Stdout, Stderr io.Writer
	Audit          *pyhost.Audit
	// MemoryLimit bounds the bytes of each runtime, as in pyhost.Config; with Processes it is
	// process.Limits.Memory.
	MemoryLimit  int64
	Grace        time.Duration
	CloseTimeout time.Duration

	// As in subinterp.PoolConfig and process.PoolConfig. Goroutines have no pool.
	Size       int // runtimes; 0: GOMAXPROCS
	MaxWaiting int
	MaxCalls   int
	MaxAge     time.Duration
	MaxMemory  int64
}

// ErrConfig tells of settings that cannot be.
var ErrConfig = errors.New("isolation: Config")

func (c *Config) defaults() error {
	if c.Size == 0 {
		c.Size = runtime.GOMAXPROCS(0)
	}
	if c.Main != nil && c.Python == "" {
		python := c.Main.Info().Python
		c.Python = cmp.Or(python.Executable, python.Libpython)
	}
	if c.Isolation < Auto || c.Isolation > Processes {
		return fmt.Errorf("%w: %s", ErrConfig, c.Isolation)
	}
	if c.Size < 0 || c.MaxWaiting < 0 || c.MaxCalls < 0 || c.MaxAge < 0 || c.MaxMemory < 0 {
		return fmt.Errorf("%w: Size or a bound of the pool is negative", ErrConfig)
	}
	return nil
}

// setup is Setup, then the imports: behind it, so that it keeps its line numbers and may change
// sys.path. Nothing but sys.modules holds the modules.
func (c *Config) setup() string {
	var code strings.Builder
	code.WriteString(c.Setup)
	for _, m := range c.Modules {
		fmt.Fprintf(&code, "\n__import__(%s)", strconv.QuoteToASCII(m))
	}
	return code.String()
}

// main is of a main interpreter that Start opens.
func (c *Config) main() pyhost.Config {
	return pyhost.Config{Python: c.Python, Args: c.Args, Path: c.Path, Stdout: c.Stdout,
		Stderr: c.Stderr, Audit: c.Audit, MemoryLimit: c.MemoryLimit, Grace: c.Grace,
		CloseTimeout: c.CloseTimeout}
}

func (c *Config) pool(gil subinterp.GIL) subinterp.PoolConfig {
	return subinterp.PoolConfig{
		Config: subinterp.Config{GIL: gil, Setup: c.setup(), Args: c.Args, Path: c.Path,
			Stdout: c.Stdout, Stderr: c.Stderr, Audit: c.Audit, MemoryLimit: c.MemoryLimit,
			Grace: c.Grace, CloseTimeout: c.CloseTimeout},
		Size: c.Size, MaxWaiting: c.MaxWaiting, MaxCalls: c.MaxCalls, MaxAge: c.MaxAge,
		MaxMemory: c.MaxMemory,
	}
}
