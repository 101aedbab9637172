package subinterp_test

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

func exec(t *testing.T, rt *pyhost.Runtime, code string) {
	t.Helper()
	require.NoError(t, rt.Exec(bg, code))
}

func eval[T any](t *testing.T, rt *pyhost.Runtime, expr string) T {
	t.Helper()
	v, err := pyhost.Eval[T](bg, rt, expr)
	require.NoError(t, err)
	return v
}

// What is changed in one interpreter is not seen in another.
var perInterpreter = map[string]struct{ change, seen string }{
	"globals": {"here = 1", "'here' in globals()"},
	"modules": {"import sys, types; sys.modules['made'] = types.ModuleType('made')",
		"'made' in __import__('sys').modules"},
	"state of a module": {"import json; json.mine = 1", "hasattr(__import__('json'), 'mine')"},
	"path": {"import sys; sys.path.append('/mine')",
		"'/mine' in __import__('sys').path"},
	"builtins": {"import builtins; builtins.mine = 1",
		"hasattr(__import__('builtins'), 'mine')"},
	"warnings filters": {"import warnings; warnings.simplefilter('error', BytesWarning)",
		"__import__('warnings').filters[0][2] is BytesWarning"},
	"recursion limit": {"import sys; sys.setrecursionlimit(777)",
		"__import__('sys').getrecursionlimit() == 777"},
	"argv": {"import sys; sys.argv = ['mine']", "__import__('sys').argv == ['mine']"},
	"error handlers": {"import codecs; codecs.register_error('mine', lambda e: ('', e.end))",
		"b'\\xff'.decode('ascii', 'mine' if 'codecs' in globals() else 'ignore') == '' and " +
			"'codecs' in globals()"},
	"classes": {"import collections; collections.Counter.mine = 1",
		"hasattr(__import__('collections').Counter, 'mine')"},
}

func TestPerInterpreter(t *testing.T) {
	for name, c := range perInterpreter {
		t.Run(name, func(t *testing.T) {
			each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
				other, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.SharedGIL})
				require.NoError(t, err)
				exec(t, rt, c.change)
				require.True(t, eval[bool](t, rt, c.seen))
				require.False(t, eval[bool](t, other, c.seen))
				require.False(t, eval[bool](t, mainRT, c.seen))
				require.NoError(t, other.Close())
			})
		})
	}
}

// Signals are Go's: no interpreter has a handler or can install one, whatever it imports.
func TestNoInterpreterHasSignals(t *testing.T) {
	reached := make(chan os.Signal, 1)
	signal.Notify(reached, syscall.SIGINT, syscall.SIGUSR1)
	defer signal.Stop(reached)
	all := func(t *testing.T, rts ...*pyhost.Runtime) {
		t.Helper()
		for _, rt := range rts {
			exec(t, rt, "import asyncio, multiprocessing, signal, subprocess, threading")
			require.True(t, eval[bool](t, rt, "all(signal.getsignal(s) is None for s in "+
				"(signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGPIPE, signal.SIGSEGV))"))
			for _, change := range []string{"signal.signal(signal.SIGUSR1, print)",
				"signal.signal(signal.SIGINT, signal.SIG_DFL)", "signal.set_wakeup_fd(-1)"} {
				err := rt.Exec(bg, change)
				require.ErrorIs(t, err, pyhost.ValueError, change)
				require.Regexp(t, "only works in main thread|refused inside a Go process", err)
			}
		}
	}
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		all(t, rt, mainRT)
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGUSR1} {
			exec(t, rt, fmt.Sprintf("import os; os.kill(os.getpid(), %d)", sig))
			require.Equal(t, sig, <-reached)
			exec(t, rt, "x = sum(range(1000))")
			exec(t, mainRT, "x = sum(range(1000))")
		}
		all(t, mainRT, rt)
	})
}

// What belongs to the process is seen everywhere.
func TestPerProcess(t *testing.T) {
	dir, err := os.Getwd()
	require.NoError(t, err)
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		exec(t, rt, "import os; os.chdir('/')")
		require.Equal(t, "/", eval[string](t, mainRT, "__import__('os').getcwd()"))
		exec(t, mainRT, "import os; os.chdir('"+dir+"')")
		require.Equal(t, dir, eval[string](t, rt, "os.getcwd()"))

		exec(t, rt, "mask = os.umask(0o27)")
		require.Equal(t, 0o27, eval[int](t, mainRT, "__import__('os').umask(0o22)"))
		exec(t, rt, "os.umask(mask)")

		exec(t, rt, "r, w = os.pipe()")
		r := eval[int](t, rt, "r")
		require.NoError(t, rt.Exec(bg, "os.write(w, b'x')"))
		got, err := pyhost.Call[[]byte](bg, mainRT, "os.read", r, 1)
		require.NoError(t, err)
		require.Equal(t, []byte("x"), got)
		exec(t, rt, "os.close(r); os.close(w)")

		// os.environ is a copy that each made when it started; what is behind it is one.
		exec(t, rt, "os.environ['PYHOST_SHARED'] = 'x'")
		require.Equal(t, "x", eval[string](t, mainRT, "__import__('subprocess').check_output("+
			"['/bin/sh', '-c', 'printf $PYHOST_SHARED'], env=None, text=True)"))
		require.Equal(t, eval[int](t, rt, "os.getpid()"), os.Getpid())

		exec(t, rt, "import locale; locale.setlocale(locale.LC_TIME, 'C.UTF-8')")
		require.Equal(t, "C.UTF-8", eval[string](t, mainRT,
			"(l := __import__('locale')).setlocale(l.LC_TIME)"))
		exec(t, rt, "locale.setlocale(locale.LC_TIME, 'C')")
		exec(t, rt, "import time; os.environ['TZ'] = 'XYZ-5'; time.tzset()")
		require.Equal(t, 5*3600, eval[int](t, mainRT, "__import__('time').localtime(0).tm_gmtoff"))
		exec(t, rt, "del os.environ['TZ']; time.tzset()")
	})
}

func TestObjectsStayInTheirInterpreter(t *testing.T) {
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		ref := eval[*pyhost.Ref](t, rt, "object()")
		defer ref.Close()
		require.ErrorIs(t, mainRT.Call(bg, "id", nil, ref), pyhost.ErrOtherRuntime)
		mine := eval[*pyhost.Ref](t, mainRT, "object()")
		defer mine.Close()
		require.ErrorIs(t, rt.Call(bg, "id", nil, []any{mine}), pyhost.ErrOtherRuntime)
		require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
			o, err := th.Value(1)
			require.NoError(t, err)
			require.ErrorIs(t, rt.Call(bg, "id", nil, o), pyhost.ErrOtherRuntime)
			return nil
		}))
		exec(t, rt, "class E(Exception): pass")
		err := rt.Exec(bg, "raise E('x')")
		require.ErrorIs(t, err, pyhost.ExceptionClass("E"))
	})
}

func TestStreamsAndPaths(t *testing.T) {
	var out writer
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/only_here.py", []byte("x = 7"), 0o644))
	cfg := subinterp.Config{Stdout: &out, Path: []string{dir}, Args: []string{"a", "b"}}
	each(t, cfg, func(t *testing.T, rt *pyhost.Runtime) {
		out = writer{}
		exec(t, rt, "import sys, only_here\nprint(only_here.x, sys.argv)")
		exec(t, mainRT, "pass")
		require.Equal(t, "7 ['a', 'b']\n", out.String())
		require.ErrorIs(t, mainRT.Exec(bg, "import only_here"), pyhost.ImportError)
	})
}

func TestRefusedModules(t *testing.T) {
	module := "_tracemalloc"
	if minor() == 12 {
		module = "readline" // the other is in the main interpreter already, which 3.12 lets pass
	}
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		err := rt.Exec(bg, "import "+module)
		require.ErrorIs(t, err, pyhost.ErrNotIsolatable)
		require.ErrorIs(t, err, pyhost.ImportError)
		var ni *pyhost.NotIsolatableError
		require.ErrorAs(t, err, &ni)
		require.Equal(t, module, ni.Module)
		require.ErrorContains(t, err, "use the main interpreter or a process")
		exec(t, rt, "import json")
	})
	err := subinterp.Check(bg, mainRT, "json", module, "no_such_module")
	require.ErrorIs(t, err, pyhost.ErrNotIsolatable)
	require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
	require.NoError(t, subinterp.Check(bg, mainRT, "json", "decimal"))
}

// The main interpreter can import it later as if nothing had been.
func TestNumpyIsRefused(t *testing.T) {
	if !eval[bool](t, mainRT, "__import__('importlib.util').util.find_spec('numpy') is not None") {
		t.Skip("numpy is not installed for this Python")
	}
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		for range 2 {
			require.ErrorIs(t, rt.Exec(bg, "import numpy"), pyhost.ErrNotIsolatable)
		}
	})
	err := subinterp.Check(bg, mainRT, "numpy")
	require.ErrorIs(t, err, pyhost.ErrNotIsolatable)
	require.ErrorContains(t, err, "_multiarray_umath cannot be loaded in a sub-interpreter")
	require.Equal(t, 6, eval[int](t, mainRT, "int(__import__('numpy').arange(4).sum())"))
	require.ErrorIs(t, subinterp.Check(bg, mainRT, "numpy"), pyhost.ErrNotIsolatable)
}

// What all refuse that are built with Cython or PyO3, by themselves.
func TestModulesThatRefuse(t *testing.T) {
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		for text, module := range map[string]string{
			"Interpreter change detected - this module can only be loaded into one interpreter " +
				"per process.": "one",
			"PyO3 modules do not yet support subinterpreters, see https://x": "two",
		} {
			err := rt.Call(bg, "exec", nil, "raise ImportError(text, name=name)",
				map[string]any{"text": text, "name": module})
			var ni *pyhost.NotIsolatableError
			require.ErrorAs(t, err, &ni)
			require.Equal(t, module, ni.Module)
			err = rt.Call(bg, "exec", nil, "raise ImportError(text)", map[string]any{"text": text})
			require.ErrorIs(t, err, pyhost.ErrNotIsolatable)
			err = rt.Call(bg, "exec", nil, "raise ValueError(text)", map[string]any{"text": text})
			require.NotErrorIs(t, err, pyhost.ErrNotIsolatable)
		}
	})
}

// Up to 3.11 CPython knows no difference between extension modules: those of others are refused.
func TestExtensionsOfOthers(t *testing.T) {
	if minor() >= 12 {
		t.Skip("Python 3.12 and later know which modules can be loaded")
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/other"+eval[string](t, mainRT,
		"__import__('importlib.machinery').machinery.EXTENSION_SUFFIXES[0]"), nil, 0o644))
	for legacy, want := range map[bool]string{
		false: "other cannot be loaded in a sub-interpreter", true: "file too short",
	} {
		rt, err := subinterp.New(bg, mainRT, subinterp.Config{LegacyExtensions: legacy,
			Path: []string{dir}})
		require.NoError(t, err)
		require.ErrorContains(t, rt.Exec(bg, "import other"), want)
		err = rt.Exec(bg, "import _tracemalloc")
		require.Equal(t, !legacy, errors.Is(err, pyhost.ErrNotIsolatable))
		exec(t, rt, "import ctypes, datetime, decimal, json, sqlite3, ssl")
		require.NoError(t, rt.Close())
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []subinterp.Config{
		{GIL: 7}, {GIL: subinterp.OwnGIL, MainAllocator: true},
		{NoThreads: true, DaemonThreads: true},
	} {
		_, err := subinterp.New(bg, mainRT, cfg)
		require.ErrorIs(t, err, subinterp.ErrConfig)
	}
	_, err := subinterp.New(bg, mainRT, subinterp.Config{MaxThreads: -1})
	require.ErrorContains(t, err, "MaxThreads")
	if !ownGIL() {
		_, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.OwnGIL})
		require.ErrorIs(t, err, pyhost.ErrOwnGILUnsupported)
		if freeThreaded() {
			require.ErrorContains(t, err, "free-threaded")
		}
	}
	if minor() < 12 {
		_, err := subinterp.New(bg, mainRT, subinterp.Config{NoThreads: true})
		require.ErrorIs(t, err, subinterp.ErrConfig)
		return
	}
	_, err = subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.SharedGIL,
		LegacyExtensions: true})
	require.ErrorIs(t, err, subinterp.ErrConfig)
	rt, err := subinterp.New(bg, mainRT, subinterp.Config{NoThreads: true})
	require.NoError(t, err)
	err = rt.Exec(bg, "import threading; threading.Thread(target=print).start()")
	require.ErrorIs(t, err, pyhost.RuntimeError)
	require.NoError(t, rt.Close())
	legacy, err := subinterp.New(bg, mainRT, subinterp.Config{GIL: subinterp.SharedGIL,
		MainAllocator: true, LegacyExtensions: true, Exec: true, DaemonThreads: true})
	if freeThreaded() {
		require.ErrorIs(t, err, subinterp.ErrConfig)
	} else {
		require.NoError(t, err)
		require.NoError(t, legacy.Close())
	}
	_, err = rt.NewChild(bg, pyhost.ChildConfig{})
	require.Error(t, err)
}

// In 3.12 functions of extensions that take keywords keep what they have parsed for all
// interpreters, in memory of the first that called them: the main one crashed at its end.
func TestKeywordsOfExtensions(t *testing.T) {
	each(t, subinterp.Config{}, func(t *testing.T, rt *pyhost.Runtime) {
		exec(t, rt, "import math; assert math.prod([1, 2], start=2) == 4")
	})
}
