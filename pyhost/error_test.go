package pyhost_test

import (
	"errors"
	"fmt"
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
