package pyhost_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestPythonError(t *testing.T) {
	mustExec(t, `
class Mine(KeyError):
    pass

def inner():
    raise Mine("no such thing")

def outer():
    try:
        inner()
    except Mine as e:
        raise RuntimeError("outer failed") from e
`)
	err := rt.Call(bg, "outer", nil)
	var pe *pyhost.PythonError
	require.ErrorAs(t, err, &pe)
	require.Equal(t, "RuntimeError", pe.Type)
	require.Equal(t, "outer failed", pe.Message)
	require.Equal(t, "RuntimeError: outer failed", fmt.Sprintf("%v", err))
	require.ErrorIs(t, err, pyhost.RuntimeError)
	require.ErrorIs(t, err, pyhost.Exception)
	require.ErrorIs(t, err, pyhost.KeyError, "through the cause")
	require.ErrorIs(t, err, pyhost.LookupError)
	require.ErrorIs(t, err, pyhost.ExceptionClass("Mine"))
	require.NotErrorIs(t, err, pyhost.ValueError)
	require.Len(t, pe.Frames, 1)
	require.Equal(t, "outer", pe.Frames[0].Function)
	text := fmt.Sprintf("%+v", err)
	require.Contains(t, text, "Traceback (most recent call last):")
	require.Contains(t, text, "The above exception was the direct cause")
	require.Regexp(t, `RuntimeError: outer failed$`, text)
}

func TestQualifiedNamesOfExceptions(t *testing.T) {
	err := rt.Call(bg, "json.loads", nil, "{")
	require.ErrorIs(t, err, pyhost.ExceptionClass("json.decoder.JSONDecodeError"))
	require.ErrorIs(t, err, pyhost.ValueError)
}

func TestClassesOfMainByEitherName(t *testing.T) {
	err := rt.Exec(bg, "class Early(Exception): pass\nclass Late(Early): pass\nraise Late()")
	for _, name := range []pyhost.ExceptionClass{"Late", "__main__.Late", "Early", "__main__.Early",
		"builtins.Exception"} {
		require.ErrorIs(t, err, name)
	}
	require.NotErrorIs(t, err, pyhost.ExceptionClass("other.Late"))
}

func TestSyntaxErrorSaysWhere(t *testing.T) {
	err := rt.Exec(bg, "x = (1,\ny = 2", pyhost.Scope{File: "broken.py"})
	require.ErrorIs(t, err, pyhost.SyntaxError)
	require.Contains(t, fmt.Sprintf("%+v", err), "broken.py")
}

func TestSystemExitIsAnError(t *testing.T) {
	for code, want := range map[string]string{"7": "7", "'bye'": "bye", "": ""} {
		err := rt.Exec(bg, "import sys; sys.exit("+code+")")
		require.ErrorIs(t, err, pyhost.SystemExit)
		var pe *pyhost.PythonError
		require.ErrorAs(t, err, &pe)
		require.Equal(t, want, pe.Code)
	}
	require.NoError(t, rt.Exec(bg, "pass"))
}

func TestRaisedInOddWays(t *testing.T) {
	mustExec(t, `
class BadStr(Exception):
    def __str__(self): raise ValueError("no str")

class Meta(type):
    def __getattribute__(self, name):
        if name in ("__qualname__", "__module__", "__name__"): raise RuntimeError("no name")
        return super().__getattribute__(name)

def chain():
    e = ValueError("a"); e.__cause__ = TypeError("b"); e.__cause__.__cause__ = e
    raise e

def notes():
    e = ValueError("noted")
    e.__notes__ = ["first", 7]
    raise e

def surrogate(): raise ValueError("caf\udce9")
def recurse(n): return recurse(n + 1)
`)
	require.ErrorContains(t, rt.Exec(bg, "raise BadStr()"), "BadStr")
	require.ErrorIs(t, rt.Call(bg, "chain", nil), pyhost.TypeError)
	var pe *pyhost.PythonError
	require.ErrorAs(t, rt.Call(bg, "notes", nil), &pe)
	require.Equal(t, []string{"first", "7"}, pe.Notes)
	require.ErrorContains(t, rt.Call(bg, "surrogate", nil), "caf\xe9")
	require.ErrorIs(t, rt.Call(bg, "recurse", nil, 0), pyhost.RecursionError)
	require.ErrorIs(t, rt.Exec(bg, "raise MemoryError"), pyhost.MemoryError)
	require.ErrorIs(t, rt.Exec(bg, "raise KeyboardInterrupt"), pyhost.KeyboardInterrupt)
	require.Error(t, rt.Exec(bg, "raise Meta('M', (Exception,), {})()"))
	require.NoError(t, rt.Exec(bg, "pass"))
}

func TestErrorsAreNotMistaken(t *testing.T) {
	require.NotErrorIs(t, pyhost.ErrClosed, pyhost.ValueError)
	require.NotErrorIs(t, rt.Exec(bg, "1/0"), pyhost.ErrClosed)
}

const evil = `
class Nameless(type):
    def __getattribute__(cls, name): raise ValueError(name)
class Nameless_(Exception, metaclass=Nameless): pass
class Evil(Exception):
    __cause__ = property(lambda self: 1 / 0)
    __notes__ = property(lambda self: 1 / 0)
    __str__ = lambda self: 1 / 0
    __repr__ = lambda self: 1 / 0
class Object(metaclass=Nameless): pass
def chain(n):
    e = None
    for i in range(n):
        new = ValueError(i)
        new.__cause__, e = e, new
    raise e
def ring():
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    raise a
def many():
    raise Evil(Evil())
`

func TestExceptionsThatMisbehave(t *testing.T) {
	mustExec(t, evil)
	for code, want := range map[string]string{
		"raise Nameless_('x')": "", "many()": "<str() of the exception raised ZeroDivisionError>",
		"chain(3000)": "2999", "ring()": "a",
	} {
		var pe *pyhost.PythonError
		require.ErrorAs(t, rt.Exec(bg, code), &pe)
		require.Contains(t, pe.Message, want, code)
		require.ErrorIs(t, pe, pyhost.Exception)
	}
	ref, err := pyhost.Eval[any](bg, rt, "Object()")
	require.NoError(t, err)
	require.IsType(t, (*pyhost.Ref)(nil), ref)
	n := 0
	for err := rt.Exec(bg, "chain(3000)"); err != nil; err = errors.Unwrap(err) {
		n++
	}
	require.Equal(t, 100, n)
}

func pythonError(t *testing.T, code string) *pyhost.PythonError {
	t.Helper()
	var pe *pyhost.PythonError
	require.ErrorAs(t, rt.Exec(bg, code, pyhost.Scope{File: "code.py"}), &pe)
	return pe
}

func version() (minor int) {
	_, _ = fmt.Sscanf(rt.Info().Python.Version, "3.%d", &minor)
	return minor
}

func TestWhatAnErrorTells(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "told.py")
	const told = "def é(x):\n    y = é and x.nothing + 1\n"
	require.NoError(t, os.WriteFile(path, []byte(told), 0o644))
	mustExec(t, "import sys; sys.path.insert(0, '"+dir+"')\nimport told\nsys.path.pop(0)")
	pe := pythonError(t, "\ntold.é(1)")
	require.Len(t, pe.Frames, 2)
	at := pe.Frames[1]
	require.Equal(t, pyhost.Frame{File: path, Line: 2, Function: "é",
		Source: "y = é and x.nothing + 1", EndLine: at.EndLine, Column: at.Column,
		EndColumn: at.EndColumn}, at)
	if version() >= 11 {
		require.Equal(t, []int{2, 16, 25}, []int{at.EndLine, at.Column, at.EndColumn})
	}
	require.Equal(t, "nothing", pe.Attrs["name"])

	pe = pythonError(t, "open('/no/such/file')")
	require.Equal(t, []any{int64(2), "No such file or directory"}, pe.Args)
	var attrs struct {
		Errno    int    `py:"errno"`
		Strerror string `py:"strerror"`
		Filename string `py:"filename"`
	}
	require.NoError(t, pe.Decode(&attrs))
	require.Equal(t, "/no/such/file", attrs.Filename)
	require.Equal(t, 2, attrs.Errno)
	require.Error(t, pe.Decode(new(map[string]int)))

	pe = pythonError(t, "class E(Exception): pass\ne = E(1, object, [1])\n"+
		"e.code = 7\ne.f = len\nraise e")
	require.Equal(t, []any{int64(1), "<class 'object'>", []any{int64(1)}}, pe.Args)
	require.Equal(t, map[string]any{"code": int64(7)}, pe.Attrs)

	pe = pythonError(t, "x = (1,\n  2 3)")
	require.Equal(t, "code.py", pe.Syntax.File)
	require.Equal(t, 2, pe.Syntax.Line)
	require.Equal(t, "  2 3)", pe.Syntax.Source)
	require.Equal(t, 3, pe.Syntax.Column)
	require.ErrorIs(t, pe, pyhost.SyntaxError)
}

func TestCausesAndContexts(t *testing.T) {
	const dividing = "try: 1/0\nexcept Exception as e: "
	pe := pythonError(t, dividing+"raise ValueError('v') from KeyError('k')")
	require.False(t, pe.Implicit)
	require.ErrorIs(t, pe, pyhost.KeyError)
	require.NotErrorIs(t, pe, pyhost.ZeroDivisionError)
	pe = pythonError(t, dividing+"raise ValueError('v')")
	require.True(t, pe.Implicit)
	require.ErrorIs(t, errors.Unwrap(pe), pyhost.ZeroDivisionError)
	pe = pythonError(t, dividing+"raise ValueError('v') from None")
	require.NoError(t, pe.Cause)
}

func TestExceptionGroups(t *testing.T) {
	if version() < 11 {
		t.Skip("exception groups are new in Python 3.11")
	}
	pe := pythonError(t, "raise ExceptionGroup('many', [ValueError(1), "+
		"ExceptionGroup('inner', [KeyError('k'), OSError(2, 'x')])]) from TypeError()")
	require.Equal(t, "ExceptionGroup: many (2 sub-exceptions)", pe.Error())
	for _, class := range []error{pyhost.ValueError, pyhost.KeyError, pyhost.FileNotFoundError,
		pyhost.TypeError} {
		require.ErrorIs(t, pe, class)
	}
	require.NotErrorIs(t, pe, pyhost.IndexError)
	require.Len(t, pe.Group, 2)
	var inner *pyhost.PythonError
	require.ErrorAs(t, pe.Group[1], &inner)
	require.Equal(t, "inner (2 sub-exceptions)", inner.Message)
	require.Contains(t, fmt.Sprintf("%+v", pe), "+---------------- 1 ----------------")
}

func TestErrorsInLogs(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, nil))
	const code = "def f(): raise ValueError('v') from KeyError('k')\nf()"
	log.Info("call", "err", pythonError(t, code))
	var got struct {
		Err struct {
			Type, Message, File, Function string
			Line                          int
			Cause                         struct{ Type string }
		}
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &got), b.String())
	require.Equal(t, "ValueError", got.Err.Type)
	require.Equal(t, "v", got.Err.Message)
	require.Equal(t, "code.py", got.Err.File)
	require.Equal(t, "f", got.Err.Function)
	require.Equal(t, 1, got.Err.Line)
	require.Equal(t, "KeyError", got.Err.Cause.Type)
}

// %+v is what Python itself prints, to the letter.
func TestTracebacksAreThoseOfPython(t *testing.T) {
	for _, code := range []string{"1/0", "def f():\n  try: g()\n  except Exception as e:\n" +
		"    raise ValueError('é') from e\ndef g(): raise KeyError('k')\nf()", "x = (", "'a' + 1"} {
		err := rt.Exec(bg, code, pyhost.Scope{File: "code.py"})
		mustExec(t, "import traceback, linecache")
		want, e := pyhost.Call[string](bg, rt, "printed", code)
		if e != nil {
			mustExec(t, `def printed(code):
    try: exec(compile(code, "code.py", "exec"), {})
    except BaseException as e:
        e.__traceback__ = e.__traceback__.tb_next if e.__traceback__.tb_next else None
        return "".join(traceback.format_exception(type(e), e, e.__traceback__)).rstrip("\n")`)
			want, e = pyhost.Call[string](bg, rt, "printed", code)
			require.NoError(t, e)
		}
		require.Equal(t, want, fmt.Sprintf("%+v", err))
	}
}
