package pyhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// PythonError is an exception that Python code raised. It is plain data: any goroutine may use it,
// after Close too.
//
// errors.Is(err, pyhost.ValueError) follows the exception's class hierarchy, and looks at what
// caused it and at the members of a group. %v is one line, %+v the traceback as Python prints it.
type PythonError struct {
	Type    string         // qualified: "ValueError", "json.decoder.JSONDecodeError"
	Bases   []string       // the classes it derives from, nearest first, down to BaseException
	Message string         // str(exception)
	Frames  []Frame        // the traceback, outermost call first
	Notes   []string       // of BaseException.add_note
	Code    string         // of SystemExit; empty if there is none
	Syntax  *Frame         // of SyntaxError: where in which source
	Args    []any          // exception.args; what has no form as a value is its repr
	Attrs   map[string]any // other attributes that are plain values, such as errno of OSError
	Group   []error        // the members of an exception group, each a *PythonError
	Go      error          // what the Go function returned, or a *PanicError, that raised it

	// Cause is __cause__, or __context__ unless it is suppressed: Implicit then. Nil if there is
	// none, or after a hundred.
	Cause    error
	Implicit bool

	printed string
}

// Frame is one line of a traceback, or the place of a SyntaxError. Lines and columns count from 1;
// 0 is not known, as are columns up to Python 3.10. Columns of a traceback count bytes of UTF-8,
// those of a SyntaxError characters.
type Frame struct {
	File              string
	Line              int
	Function          string
	Source            string // the line's text, where the file can be read
	EndLine           int
	Column, EndColumn int // EndColumn is the one behind
}

func (e *PythonError) Error() string {
	if e.Message == "" {
		return e.Type
	}
	return e.Type + ": " + e.Message
}

// Unwrap gives the exception that led to this one; where there is an error of Go, or a group, an
// error that unwraps to all of them.
func (e *PythonError) Unwrap() error {
	if len(e.Group) == 0 && e.Go == nil {
		return e.Cause
	}
	return errors.Join(append(slices.Clone(e.Group), e.Go, e.Cause)...)
}

// Is matches an [ExceptionClass] along the class hierarchy.
func (e *PythonError) Is(target error) bool {
	c, ok := target.(ExceptionClass)
	name := strings.TrimPrefix(strings.TrimPrefix(string(c), "__main__."), "builtins.")
	return ok && (e.Type == name || slices.Contains(e.Bases, name))
}

// Decode fills a struct, or a map, from the attributes of the exception: see Attrs.
func (e *PythonError) Decode(out any) error {
	var enc cgo.Encoder
	if err := enc.Value(e.Attrs); err != nil {
		return fmt.Errorf("pyhost: attributes of %s: %w", e.Type, err)
	}
	d := cgo.Decoder{Buf: enc.Buf}
	if err := d.Into(out); err != nil {
		return fmt.Errorf("pyhost: attributes of %s: %w", e.Type, err)
	}
	return nil
}

// Format prints the traceback for %+v, that of the error of Go behind it too; the one line for
// everything else.
func (e *PythonError) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && s.Flag('+') && e.printed != "":
		_, _ = io.WriteString(s, strings.TrimSuffix(e.printed, "\n"))
		for p := e; p != nil; p, _ = p.Cause.(*PythonError) { //nolint:errorlint // one by one
			if err := traced(p.Go); err != nil {
				_, _ = fmt.Fprintf(s, "\n\n%s was raised by an error of Go:\n%+v", p.Type, err)
			}
		}
	case verb == 'q':
		_, _ = fmt.Fprintf(s, "%q", e.Error())
	default:
		_, _ = io.WriteString(s, e.Error())
	}
}

// traced is the part of an error of Go that has a traceback or a stack of its own, or nil.
func traced(err error) error {
	var pe *PythonError
	var pn *PanicError
	switch {
	case errors.As(err, &pn):
		return pn
	case errors.As(err, &pe):
		return pe
	}
	return nil
}

// LogValue gives slog the parts: type, message, where it was raised, notes, cause and members.
func (e *PythonError) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("type", e.Type), slog.String("message", e.Message)}
	at := e.Syntax
	if n := len(e.Frames); at == nil && n > 0 {
		at = &e.Frames[n-1]
	}
	if at != nil {
		attrs = append(attrs, slog.String("file", at.File), slog.Int("line", at.Line))
		if at.Function != "" {
			attrs = append(attrs, slog.String("function", at.Function))
		}
	}
	if len(e.Notes) > 0 {
		attrs = append(attrs, slog.Any("notes", e.Notes))
	}
	if e.Cause != nil {
		attrs = append(attrs, slog.Any("cause", e.Cause))
	}
	for i, m := range e.Group {
		attrs = append(attrs, slog.Any(fmt.Sprintf("group.%d", i), m))
	}
	return slog.GroupValue(attrs...)
}

// ExceptionClass names a class of exceptions, for errors.Is: a built-in one as below, any other by
// its qualified name: pyhost.ExceptionClass("json.decoder.JSONDecodeError"). One of __main__ goes
// by its bare name too.
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

// raised makes the error of the exception in the call's frame.
func (rt *Runtime) raised(c *call) error {
	err := raised(&cgo.Decoder{Buf: c.frame.Result(), Far: c.far, Trusted: true})
	e, ok := err.(*PythonError) //nolint:errorlint // it is what was made here
	if ok && e.Type == string(cancelled) && e.printed == "" {
		rt.warm()
	}
	if rt.parent != nil {
		return isolatable(err)
	}
	return err
}

// raised makes the error of an encoded exception: see report in bootstrap.py.
func raised(d *cgo.Decoder) error {
	v, err := d.Any()
	if err != nil {
		return fmt.Errorf("pyhost: exception: %w", err)
	}
	if name, ok := v.(string); ok { // there was no report
		if name == string(cancelled) {
			return &PythonError{Type: name, Bases: []string{string(BaseException)}}
		}
		return &PythonError{Type: name, Bases: barely(name)[1:]}
	}
	t, _ := v.(cgo.Tuple)
	e := described(t)
	if e == nil {
		return fmt.Errorf("pyhost: exception: %w", cgo.ErrMalformed)
	}
	return e
}

// described is what describe_exception tells of, or nil.
func described(t cgo.Tuple) *PythonError {
	if len(t) != reportSize+1 {
		return nil
	}
	e := exception(t[:reportSize])
	e.printed, _ = t[reportSize].(string)
	return e
}

// warm sees that the next cancelled call has a traceback: the first has none, to be in time.
func (rt *Runtime) warm() {
	rt.warming.Do(func() {
		go func() { _ = rt.Call(context.Background(), "_pyhost.warm", nil) }()
	})
}

// What can be said of an exception when only its name is known: most derive from Exception.
func barely(name string) []string {
	return []string{name, string(Exception), string(BaseException)}
}

const reportSize = 12 // of what describe_exception makes of one exception

func exception(t cgo.Tuple) *PythonError {
	e := &PythonError{Bases: strs(t[0]), Notes: strs(t[3])}
	if len(e.Bases) > 0 {
		e.Type, e.Bases = e.Bases[0], e.Bases[1:]
	}
	e.Message, _ = t[1].(string)
	e.Code, _ = t[4].(string)
	frames, _ := t[2].([]any)
	for _, f := range frames {
		e.Frames = append(e.Frames, *frame(f))
	}
	group, _ := t[5].([]any)
	for _, m := range group {
		if m, ok := m.(cgo.Tuple); ok && len(m) == reportSize {
			e.Group = append(e.Group, exception(m))
		}
	}
	e.Args, _ = t[6].([]any)
	e.Attrs, _ = t[7].(map[string]any)
	if t[8] != nil {
		e.Syntax = frame(t[8])
	}
	e.Go, _ = t[9].(error)
	if cause, ok := t[11].(cgo.Tuple); ok && len(cause) == reportSize {
		e.Cause = exception(cause)
		e.Implicit, _ = t[10].(bool)
	}
	return e
}

func frame(v any) *Frame {
	f := &Frame{}
	t, ok := v.(cgo.Tuple)
	if !ok || len(t) != 7 {
		return f
	}
	f.File, _ = t[0].(string)
	f.Function, _ = t[1].(string)
	f.Source, _ = t[2].(string)
	number := func(i, from int) int {
		n, _ := t[i].(int64)
		return int(n) + from
	}
	f.Line, f.EndLine = number(3, 0), number(4, 0)
	f.Column, f.EndColumn = number(5, 1), number(6, 1)
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
