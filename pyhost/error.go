package pyhost

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// PythonError is an exception that Python code raised. It is plain data: any goroutine may use it,
// after Close too.
//
// errors.Is(err, pyhost.ValueError) follows the exception's class hierarchy. %v is one line, %+v
// the traceback as Python prints it.
type PythonError struct {
	Type    string   // qualified: "ValueError", "json.decoder.JSONDecodeError"
	Bases   []string // the classes it derives from, nearest first, down to BaseException
	Message string   // str(exception)
	Frames  []Frame  // the traceback, outermost call first
	Notes   []string // of BaseException.add_note
	Code    string   // of SystemExit
	Cause   error    // __cause__, else __context__ unless suppressed; nil if none

	printed string
}

// Frame is one line of a traceback.
type Frame struct {
	File     string
	Line     int // from 1
	Function string
	Source   string // the line's text, where the file can be read
}

func (e *PythonError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// Unwrap gives the exception that led to this one.
func (e *PythonError) Unwrap() error { return e.Cause }

// Is matches an [ExceptionClass] along the class hierarchy.
func (e *PythonError) Is(target error) bool {
	c, ok := target.(ExceptionClass)
	return ok && (e.Type == string(c) || slices.Contains(e.Bases, string(c)))
}

// Format prints the traceback for %+v, the one line for everything else.
func (e *PythonError) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && s.Flag('+') && e.printed != "":
		_, _ = io.WriteString(s, strings.TrimSuffix(e.printed, "\n"))
	case verb == 'q':
		_, _ = fmt.Fprintf(s, "%q", e.Error())
	default:
		_, _ = io.WriteString(s, e.Error())
	}
}

// ExceptionClass names a class of exceptions, for errors.Is: a built-in one as below, any other by
// its qualified name: pyhost.ExceptionClass("json.decoder.JSONDecodeError").
type ExceptionClass string

func (c ExceptionClass) Error() string { return string(c) }

// The built-in exceptions.
const (
	BaseException          ExceptionClass = "BaseException"
	Exception              ExceptionClass = "Exception"
	ArithmeticError        ExceptionClass = "ArithmeticError"
	AssertionError         ExceptionClass = "AssertionError"
	AttributeError         ExceptionClass = "AttributeError"
	BlockingIOError        ExceptionClass = "BlockingIOError"
	BrokenPipeError        ExceptionClass = "BrokenPipeError"
	BufferError            ExceptionClass = "BufferError"
	ChildProcessError      ExceptionClass = "ChildProcessError"
	ConnectionError        ExceptionClass = "ConnectionError"
	ConnectionAbortedError ExceptionClass = "ConnectionAbortedError"
	ConnectionRefusedError ExceptionClass = "ConnectionRefusedError"
	ConnectionResetError   ExceptionClass = "ConnectionResetError"
	EOFError               ExceptionClass = "EOFError"
	FileExistsError        ExceptionClass = "FileExistsError"
	FileNotFoundError      ExceptionClass = "FileNotFoundError"
	FloatingPointError     ExceptionClass = "FloatingPointError"
	GeneratorExit          ExceptionClass = "GeneratorExit"
	ImportError            ExceptionClass = "ImportError"
	IndentationError       ExceptionClass = "IndentationError"
	IndexError             ExceptionClass = "IndexError"
	InterruptedError       ExceptionClass = "InterruptedError"
	IsADirectoryError      ExceptionClass = "IsADirectoryError"
	KeyError               ExceptionClass = "KeyError"
	KeyboardInterrupt      ExceptionClass = "KeyboardInterrupt"
	LookupError            ExceptionClass = "LookupError"
	MemoryError            ExceptionClass = "MemoryError"
	ModuleNotFoundError    ExceptionClass = "ModuleNotFoundError"
	NameError              ExceptionClass = "NameError"
	NotADirectoryError     ExceptionClass = "NotADirectoryError"
	NotImplementedError    ExceptionClass = "NotImplementedError"
	OSError                ExceptionClass = "OSError"
	OverflowError          ExceptionClass = "OverflowError"
	PermissionError        ExceptionClass = "PermissionError"
	ProcessLookupError     ExceptionClass = "ProcessLookupError"
	RecursionError         ExceptionClass = "RecursionError"
	ReferenceError         ExceptionClass = "ReferenceError"
	RuntimeError           ExceptionClass = "RuntimeError"
	StopAsyncIteration     ExceptionClass = "StopAsyncIteration"
	StopIteration          ExceptionClass = "StopIteration"
	SyntaxError            ExceptionClass = "SyntaxError"
	SystemError            ExceptionClass = "SystemError"
	SystemExit             ExceptionClass = "SystemExit"
	TabError               ExceptionClass = "TabError"
	TimeoutError           ExceptionClass = "TimeoutError"
	TypeError              ExceptionClass = "TypeError"
	UnboundLocalError      ExceptionClass = "UnboundLocalError"
	UnicodeError           ExceptionClass = "UnicodeError"
	UnicodeDecodeError     ExceptionClass = "UnicodeDecodeError"
	UnicodeEncodeError     ExceptionClass = "UnicodeEncodeError"
	UnicodeTranslateError  ExceptionClass = "UnicodeTranslateError"
	ValueError             ExceptionClass = "ValueError"
	ZeroDivisionError      ExceptionClass = "ZeroDivisionError"

	// cancelled is what a cancelled call raises.
	cancelled ExceptionClass = "pyhost.Cancelled"
)

// raised makes the error of an encoded exception: see report in bootstrap.py.
func (rt *Runtime) raised(b []byte) error {
	d := cgo.Decoder{Buf: b}
	v, err := d.Any()
	if err != nil {
		return fmt.Errorf("pyhost: exception: %w", err)
	}
	if name, ok := v.(string); ok { // the report itself failed
		return &PythonError{Type: name, Bases: barely(name)}
	}
	t, ok := v.(cgo.Tuple)
	if !ok || len(t) != 7 {
		return fmt.Errorf("pyhost: exception: %w", cgo.ErrMalformed)
	}
	e := exception(t)
	e.printed, _ = t[6].(string)
	return e
}

// What can be said of an exception when only its name is known: most derive from Exception.
func barely(name string) []string {
	return []string{name, string(Exception), string(BaseException)}
}

func exception(t cgo.Tuple) *PythonError {
	e := &PythonError{Bases: strs(t[0]), Notes: strs(t[3])}
	if len(e.Bases) > 0 {
		e.Type, e.Bases = e.Bases[0], e.Bases[1:]
	}
	e.Message, _ = t[1].(string)
	e.Code, _ = t[5].(string)
	frames, _ := t[2].([]any)
	for _, f := range frames {
		if f, ok := f.(cgo.Tuple); ok && len(f) == 4 {
			e.Frames = append(e.Frames, frame(f))
		}
	}
	if cause, ok := t[4].(cgo.Tuple); ok && len(cause) == 6 {
		e.Cause = exception(cause)
	}
	return e
}

func frame(t cgo.Tuple) Frame {
	var f Frame
	f.File, _ = t[0].(string)
	line, _ := t[1].(int64)
	f.Line = int(line)
	f.Function, _ = t[2].(string)
	f.Source, _ = t[3].(string)
	return f
}

func strs(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, s := range list {
		if s, ok := s.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// isCancelled tells whether the exception, or one that led to it, is that of a cancelled call.
func isCancelled(err error) bool { return errors.Is(err, cancelled) }
