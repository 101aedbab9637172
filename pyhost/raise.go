package pyhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// PanicError is the panic of a Go function that Python called.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // of the goroutine
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Format prints the stack too for %+v.
func (e *PanicError) Format(s fmt.State, verb rune) {
	_, _ = fmt.Fprint(s, e.Error())
	if verb == 'v' && s.Flag('+') {
		_, _ = fmt.Fprintf(s, "\n\n%s", e.Stack)
	}
}

// What errors of Go are in Python, beside those that wrap an ExceptionClass.
var exceptionsOf = []struct {
	err   error
	class ExceptionClass
}{
	{os.ErrNotExist, FileNotFoundError},
	{os.ErrExist, FileExistsError},
	{os.ErrPermission, PermissionError},
	{context.DeadlineExceeded, TimeoutError},
	{os.ErrDeadlineExceeded, TimeoutError},
	{io.EOF, EOFError},
	{errors.ErrUnsupported, NotImplementedError},
}

const (
	goError  = "pyhost.GoError"
	goPanic  = "pyhost.Panic"
	ownClass = "pyhost."
)

// raise answers a call with an exception that carries err.
func (f *function) raise(ctx context.Context, v *cgo.Invocation, err error) {
	class, text := raisedAs(ctx, err)
	p := f.rt.in.NewValue(err) // not before: the error's methods may panic
	if p == 0 {
		v.SetNone()
		return
	}
	c := getCall()
	c.rt = f.rt
	c.gos = append(c.gos, p)
	var where any = Tuple{f.name, f.file, f.line}
	c.enc.Tuple(4)
	_ = c.enc.Value(class) // texts and numbers: they cannot fail
	_ = c.enc.Value(text)
	c.enc.Go(p, 0)
	_ = c.enc.Value(where)
	c.answer(v, true, nil)
}

// raisedAs gives the class of the exception for err, and its text, as the class and its exceptions
// say it.
func raisedAs(ctx context.Context, err error) (class, text string) {
	class = exceptionOf(ctx, err)
	text = strings.TrimPrefix(err.Error(), class+": ")
	return class, strings.TrimPrefix(text, "pyhost: ")
}

// exceptionOf names the class. A function that gives up because its context has ended does not hide
// from Python code that it is being cancelled.
func exceptionOf(ctx context.Context, err error) string {
	var class ExceptionClass
	var pe *PythonError
	var ce *CancelError
	var pn *PanicError
	switch {
	case errors.As(err, &pn):
		return goPanic
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return string(cancelled)
	case errors.As(err, &class):
		return string(class)
	case !errors.As(err, &ce) && errors.As(err, &pe):
		return builtin(pe)
	}
	for _, e := range exceptionsOf {
		if errors.Is(err, e.err) {
			return string(e.class)
		}
	}
	return goError
}

// builtin is the nearest class that needs no module.
func builtin(e *PythonError) string {
	for _, name := range append([]string{e.Type}, e.Bases...) {
		if !strings.Contains(name, ".") || strings.HasPrefix(name, ownClass) {
			return name
		}
	}
	return goError
}
