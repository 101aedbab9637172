package isolation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/isolation"
)

// The same program runs on each kind.
func TestOneProgram(t *testing.T) {
	cfg := isolation.Config{Size: 2, Modules: []string{"json", "xml.dom"},
		Setup: "import os\ndef square(n): return n * n"}
	each(t, cfg, func(t *testing.T, r *isolation.Runtimes) {
		i := 0
		numbers := slices.Values([]int{0, 1, 2, 3, 4, 5})
		for n, err := range pyhost.Map[int](bg, r, "square", numbers) {
			require.NoError(t, err)
			require.Equal(t, i*i, n)
			i++
		}
		require.Equal(t, 6, i)
		require.ErrorIs(t, r.Exec(bg, "1 / 0"), pyhost.ZeroDivisionError)
		require.ErrorIs(t, r.Exec(bg, "json"), pyhost.NameError, "Modules are in no namespace")
		require.NoError(t, r.Exec(bg, "import sys; assert 'xml.dom' in sys.modules"))
		ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
		defer stop()
		require.ErrorIs(t, r.Exec(ctx, "while True: pass"), context.DeadlineExceeded)
	})
}

// Each reaches every runtime, and a runtime is where its kind says.
func TestEach(t *testing.T) {
	want := map[isolation.Isolation][2]int{ // processes, and interpreters in each
		isolation.Goroutines: {1, 1}, isolation.SharedGIL: {1, 3}, isolation.OwnGIL: {1, 3},
		isolation.Processes: {3, 1},
	}
	each(t, isolation.Config{Size: 3}, func(t *testing.T, r *isolation.Runtimes) {
		var mu sync.Mutex
		seen := map[int]map[int64]bool{}
		require.NoError(t, r.Each(bg, func(ctx context.Context, rt pyhost.Runner) error {
			pid, err := pyhost.Call[int](ctx, rt, "os.getpid")
			mu.Lock()
			defer mu.Unlock()
			if seen[pid] == nil {
				seen[pid] = map[int64]bool{}
			}
			seen[pid][rt.Info().Interpreter] = true
			return err
		}))
		require.Len(t, seen, want[r.Isolation][0])
		for pid, interpreters := range seen {
			require.Equal(t, pid == os.Getpid(), r.Isolation != isolation.Processes)
			require.Len(t, interpreters, want[r.Isolation][1])
		}
		require.ErrorIs(t, r.Each(bg, func(ctx context.Context, rt pyhost.Runner) error {
			return rt.Exec(ctx, "1 / 0")
		}), pyhost.ZeroDivisionError)
	})
}

// Auto takes the nearest kind in which the modules work, and says why.
func TestAuto(t *testing.T) {
	for _, c := range []struct {
		modules []string
		kind    isolation.Isolation // from Python 3.13 on
		why     string
	}{
		{nil, isolation.OwnGIL, "GILs of their own."},
		{[]string{"json", "decimal"}, isolation.OwnGIL, "and json, decimal can be imported there."},
		{[]string{"json", "tracemalloc"}, isolation.Processes,
			"not all can be imported that is needed: _tracemalloc keeps state that all"},
	} {
		t.Run(fmt.Sprint(c.modules), func(t *testing.T) {
			kind, why := c.kind, c.why
			switch {
			case freeThreaded():
				kind, why = isolation.Goroutines, "no GIL"
			case minor() < 13:
				kind, why = isolation.Processes, "no GIL of their own: 3.13 does."
			}
			cfg := isolation.Config{Main: mainRT, Modules: c.modules, Size: 1}
			r, err := isolation.Start(bg, cfg)
			require.NoError(t, err)
			defer r.Close()
			require.Equal(t, kind, r.Isolation)
			require.Contains(t, r.Why, why)
			require.True(t, strings.HasSuffix(r.Why, "."), r.Why)
			require.NotContains(t, r.Why, "\n")
			for _, m := range c.modules {
				require.NoError(t, r.Call(bg, m+".__dir__", nil))
			}
			require.Same(t, mainRT, r.Main())
		})
	}
}

// Auto tries what Setup does, and where Path leads: on a bare interpreter it would find neither.
func TestAutoTries(t *testing.T) {
	if freeThreaded() || minor() < 13 {
		t.Skip("this Python has no sub-interpreters with GILs of their own")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("mine.py", "x = 7")
	write("picky.py", "import _interpreters\nif _interpreters.get_current()[0]:\n"+
		"  raise ImportError('picky is for main interpreters.\\nReally.')")
	for _, c := range []struct {
		cfg  isolation.Config
		kind isolation.Isolation
		why  string
	}{
		{isolation.Config{Modules: []string{"mine"}, Path: []string{dir}}, isolation.OwnGIL,
			"mine can be imported there."},
		{isolation.Config{Modules: []string{"mine"},
			Setup: fmt.Sprintf("import sys; sys.path.append(%q)", dir)}, isolation.OwnGIL,
			"mine can be imported there."},
		{isolation.Config{Setup: "import tracemalloc"}, isolation.Processes, "_tracemalloc keeps"},
		{isolation.Config{Modules: []string{"picky"}, Path: []string{dir}}, isolation.Processes,
			"needed: picky is for main interpreters."},
	} {
		c.cfg.Main, c.cfg.Size = mainRT, 1
		r, err := isolation.Start(bg, c.cfg)
		require.NoError(t, err)
		require.Equal(t, c.kind, r.Isolation, r.Why)
		require.Contains(t, r.Why, c.why)
		require.NotContains(t, r.Why, "\n")
		require.NoError(t, r.Close())
	}
}

// Where numpy is, Auto runs it in processes: sub-interpreters refuse it.
func TestAutoNumpy(t *testing.T) {
	if err := mainRT.Exec(bg, "import importlib.metadata as m; m.version('numpy')"); err != nil {
		t.Skip("this Python has no numpy")
	}
	r, err := isolation.Start(bg, isolation.Config{Main: mainRT, Modules: []string{"numpy"}})
	require.NoError(t, err)
	defer r.Close()
	if !freeThreaded() {
		require.Equal(t, isolation.Processes, r.Isolation, r.Why)
	}
	sum, err := pyhost.Call[int](bg, r, "numpy.sum", []int{1, 2, 3})
	require.NoError(t, err)
	require.Equal(t, 6, sum)
}

func TestWhatCannotStart(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			start := func(cfg isolation.Config) error {
				cfg.Isolation, cfg.Main, cfg.Size, cfg.Stderr = kind, mainRT, 1, io.Discard
				_, err := isolation.Start(bg, cfg)
				return err
			}
			err := start(isolation.Config{Modules: []string{"no_such_module"}})
			require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
			err = start(isolation.Config{Setup: "x = 1\n1 / 0"})
			require.ErrorIs(t, err, pyhost.ZeroDivisionError)
			var raised *pyhost.PythonError
			require.ErrorAs(t, err, &raised)
			require.Contains(t, fmt.Sprintf("%+v", raised), `"<setup>", line 2`)
			require.ErrorIs(t, start(isolation.Config{MaxAge: -1}), isolation.ErrConfig)
		})
	}
	ctx, stop := context.WithCancel(bg)
	stop()
	_, err := isolation.Start(ctx, isolation.Config{Main: mainRT, Modules: []string{"json"}})
	require.ErrorIs(t, err, context.Canceled)
	_, err = isolation.Start(nil, isolation.Config{}) //nolint:staticcheck // meant
	require.ErrorIs(t, err, pyhost.ErrNilContext)
	_, err = isolation.Start(bg, isolation.Config{Isolation: 9})
	require.ErrorIs(t, err, isolation.ErrConfig)
	require.ErrorContains(t, err, "Isolation(9)")
	if minor() < 13 {
		_, err = isolation.Start(bg, isolation.Config{Isolation: isolation.OwnGIL, Main: mainRT})
		require.ErrorIs(t, err, pyhost.ErrOwnGILUnsupported)
	} else if !freeThreaded() {
		_, err = isolation.Start(bg, isolation.Config{Isolation: isolation.OwnGIL, Main: mainRT,
			Modules: []string{"tracemalloc"}})
		require.ErrorIs(t, err, pyhost.ErrNotIsolatable)
	}
}

// What bounds a pool bounds each kind that has one.
func TestBounds(t *testing.T) {
	var out lines
	cfg := isolation.Config{Size: 1, MaxCalls: 3, MemoryLimit: 64 << 20, Stdout: &out,
		Args: []string{"prog", "arg"}}
	each(t, cfg, func(t *testing.T, r *isolation.Runtimes) {
		if r.Isolation == isolation.Goroutines {
			return // its bounds are those of Main
		}
		out.Reset()
		first, err := pyhost.Eval[string](bg, r, "(print('hello'), __import__('sys').argv[1])[1]")
		require.NoError(t, err)
		require.Equal(t, "arg", first)
		require.Equal(t, "hello\n", out.String())
		much := "x = bytearray(200 << 20)"
		if freeThreaded() { // there the kernel alone bounds it
			much = "x = bytearray(8 << 30)"
		}
		require.ErrorIs(t, r.Exec(bg, much), pyhost.MemoryError)
		require.NoError(t, r.Exec(bg, "mark = 1"))
		require.Eventually(t, func() bool { return r.Exec(bg, "mark") != nil }, time.Minute,
			time.Millisecond)
	})
}

// lines is a writer for several goroutines.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func TestClose(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			r, err := isolation.Start(bg, isolation.Config{Isolation: kind, Main: mainRT, Size: 1})
			require.NoError(t, err)
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
			if r.Isolation != isolation.Goroutines {
				require.ErrorIs(t, r.Exec(bg, "1"), pyhost.ErrClosed)
			}
			require.NoError(t, mainRT.Exec(bg, "1"), "a Main that was given stays open")
		})
	}
}

// The zero value works, and Close closes the main interpreter that Start has opened.
func init() {
	programs["zero"] = func() error {
		r, err := isolation.Start(bg, isolation.Config{})
		if err != nil {
			return err
		}
		n, err := pyhost.Call[int](bg, r, "len", "abc")
		if err != nil || n != 3 {
			return fmt.Errorf("len is %d: %w", n, err)
		}
		fmt.Println(r.Isolation, r.Main() != nil)
		if err := r.Close(); err != nil {
			return err
		}
		rt := r.Main()
		if rt == nil { // none was needed
			return nil
		}
		if _, err = pyhost.Open(pyhost.Config{}); !errors.Is(err, pyhost.ErrFinalized) {
			return fmt.Errorf("Open after Close: %w", err)
		}
		return nil
	}
	programs["goroutines"] = func() error {
		r, err := isolation.Start(bg, isolation.Config{Isolation: isolation.Goroutines,
			Setup: "x = 7"})
		if err != nil {
			return err
		}
		defer r.Close()
		x, err := pyhost.Eval[int](bg, r, "x")
		fmt.Println(r.Isolation, x, r.Why)
		return err
	}
}

func TestZeroValue(t *testing.T) {
	out := program(t, "zero")
	switch {
	case freeThreaded():
		require.Equal(t, "goroutines true\n", out)
	case minor() >= 13:
		require.Equal(t, "own GIL true\n", out)
	default:
		require.Equal(t, "processes false\n", out)
	}
	require.Equal(t, "goroutines 7 Config asks for it.\n", program(t, "goroutines"))
}

func TestCloseOfNil(t *testing.T) {
	require.NoError(t, (*isolation.Runtimes)(nil).Close())
}

func init() {
	programs["twice"] = func() error {
		cfg := isolation.Config{Isolation: isolation.Goroutines, Modules: []string{"no_such"}}
		if _, err := isolation.Start(bg, cfg); !errors.Is(err, pyhost.ModuleNotFoundError) {
			return fmt.Errorf("Start: %w", err)
		}
		cfg.Modules = nil
		_, err := isolation.Start(bg, cfg)
		fmt.Println(errors.Is(err, pyhost.ErrFinalized), err)
		return nil
	}
}

func TestSecondStart(t *testing.T) {
	out := program(t, "twice")
	require.Contains(t, out, "true isolation: ")
	require.Contains(t, out, "open it yourself and give it as Config.Main")
}
