package pyhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
)

// Function is a Go function with what Python is told of it: Doc, its docstring, and Params, the
// names of the parameters that go by place. Parameters without a name cannot be given by keyword. A
// plain func is a Function without either.
//
// Python calls it as one of its own. Arguments are converted as results of [Runtime.Call] are; what
// does not fit is a TypeError that names the parameter. A first parameter of type context.Context
// gets the context of the call that led here, which also ends when Close cancels calls. A first
// parameter of type *[Thread] has the function called attached: it holds the GIL, and its objects
// are given back when it returns. Any other function runs detached, and others run Python
// meanwhile. A last parameter of a struct type takes keyword arguments, one for each field, all
// optional; or the struct as a whole, by place. A variadic function takes any number.
//
// One result is the value, several are a tuple, none is None. A last result of type error, unless
// nil, is raised: as the class whose [ExceptionClass] it wraps, as FileNotFoundError,
// FileExistsError, PermissionError, EOFError or TimeoutError for the errors of package os, io and
// context, else as pyhost.GoError, which derives from RuntimeError. To the Go program that called
// Python, it comes back itself: errors.Is and errors.As find it. A panic is raised as pyhost.Panic,
// and comes back as *[PanicError].
//
// A function is called on the OS thread of its caller. It may call Python again, to any depth.
// After Close it is not called any more: that is a RuntimeError.
type Function = cgo.Function

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

// function is one that is bound to a runtime.
type function struct {
	rt      *Runtime
	name    string
	fn      reflect.Value
	method  bool         // the first parameter by place is the receiver
	first   reflect.Type // contextType, threadType or nil
	params  []cgo.Param  // by place; the last one of a struct takes keywords too
	options *cgo.Fields  // of that struct, or nil
	rest    reflect.Type // of an item of the last, variadic one, or nil
	results int          // without the error
	fails   bool         // the last result is an error
	fast    scalarFunc   // may be nil
	file    string       // where it begins
	line    int
}

var threadType = reflect.TypeFor[*Thread]()

// newFunction makes one ready to cross. The caller has a hold on it.
func (rt *Runtime) newFunction(spec *Function) (cgo.GoPtr, error) {
	f := &function{rt: rt, name: spec.Name, fn: reflect.ValueOf(spec.Func), method: spec.Method}
	if err := f.bind(spec.Params); err != nil {
		return 0, err
	}
	f.fast = scalarCall(spec.Func)
	p := rt.in.NewFunc(f, f.spec(spec))
	if p == 0 {
		return 0, ErrNoMemory
	}
	return p, nil
}

// bind takes the function's type apart.
func (f *function) bind(names []string) error {
	if f.fn.Kind() != reflect.Func || f.fn.IsNil() {
		return fmt.Errorf("a Function of %v, which is no func", f.fn)
	}
	t := f.fn.Type()
	f.locate()
	f.results = t.NumOut()
	if f.results > 0 && t.Out(f.results-1) == errorType {
		f.fails = true
		f.results--
	}
	in := make([]reflect.Type, t.NumIn())
	for i := range in {
		in[i] = t.In(i)
	}
	at := 0
	if f.method {
		at = 1
		names = append([]string{"self"}, names...)
	}
	if len(in) > at && (in[at] == contextType || in[at] == threadType) {
		f.first = in[at]
		in = slices.Delete(in, at, at+1)
	}
	if t.IsVariadic() {
		f.rest, in = in[len(in)-1].Elem(), in[:len(in)-1]
	} else if n := len(in) - 1; n >= at {
		f.options = cgo.Keywords(in[n])
	}
	named := len(in)
	if f.options != nil {
		named--
	}
	if len(names) > at && len(names) != named && len(names) != len(in) {
		return fmt.Errorf("%s has %d parameters by place, not %d", f.name, named, len(names))
	}
	for i, t := range in {
		p := cgo.Param{Type: t}
		if i < len(names) {
			p.Name = names[i]
		}
		f.params = append(f.params, p)
	}
	return f.checkParams()
}

func (f *function) checkParams() error {
	seen := map[string]bool{}
	all := f.params
	if f.options != nil {
		all = append(all[:len(all):len(all)], f.options.Params()...)
	}
	for i, p := range all {
		if p.Name != "" && (!isIdentifier(p.Name) || seen[p.Name]) {
			return fmt.Errorf("%s: %q cannot name a parameter, or not twice", f.name, p.Name)
		}
		seen[p.Name] = true
		if p.Type == objectType && f.first != threadType {
			return fmt.Errorf("%s: parameter %d is an *Object: the first must be a *Thread, or "+
				"take a *Ref", f.name, i+1)
		}
	}
	return nil
}

// locate finds name and place of the function in the program.
func (f *function) locate() {
	at := runtime.FuncForPC(f.fn.Pointer())
	if at == nil {
		return
	}
	f.file, f.line = at.FileLine(at.Entry())
	if f.name == "" {
		f.name = at.Name()[strings.LastIndexByte(at.Name(), '/')+1:]
	}
}

// spec is what C has to know.
func (f *function) spec(s *Function) *cgo.FuncSpec {
	spec := &cgo.FuncSpec{Name: s.Name, Module: s.Module, Doc: s.Doc, Signature: f.signature(),
		Attached: f.first == threadType, Scalars: f.fast != nil, Variadic: f.rest != nil,
		Positional: len(f.params), Required: len(f.params), Params: f.params}
	if spec.Name == "" {
		spec.Name = f.name
	}
	if f.options != nil {
		spec.Required--
		spec.Params = append(spec.Params[:len(f.params):len(f.params)], f.options.Params()...)
	}
	if f.rest != nil {
		spec.Params = append(slices.Clone(spec.Params), cgo.Param{Type: f.rest})
	}
	return spec
}

// Call is what C calls.
func (f *function) Call(v *cgo.Invocation) {
	switch {
	case !v.Inside():
		if !f.rt.strays.enter() {
			f.raise(f.rt.life, v, ErrClosed)
			return
		}
		scopes.Add(1)
		defer f.strayed()
	case v.Queued():
		f.rt.gate.PassBaton()
	}
	returned := false
	defer func() {
		if r := recover(); r != nil {
			f.raise(f.rt.life, v, &PanicError{r, debug.Stack()})
		} else if !returned {
			stay(f.name)
		}
	}()
	if v.Scalars() > 0 || f.fast != nil && v.Values() == 0 {
		if err := f.fast(v); err != nil {
			f.raise(f.rt.life, v, f.named(err))
		}
	} else {
		f.call(v)
	}
	returned = true
}

func (f *function) strayed() {
	scopes.Add(-1)
	f.rt.strays.leave()
}

// stay keeps a goroutine that called runtime.Goexit, which must not unwind through C.
func stay(name string) {
	fmt.Fprintf(os.Stderr, "pyhost: %s, called by Python, called runtime.Goexit, maybe by "+
		"t.FailNow: the call does not return\n", name)
	select {}
}

func (f *function) call(v *cgo.Invocation) {
	ctx, stop := f.context(v)
	defer stop()
	var th *Thread
	if f.first == threadType {
		th = f.rt.attached(ctx, f.name)
		if th == nil {
			f.raise(ctx, v, ErrNoMemory)
			return
		}
		defer func() { // unless the answer needs its objects
			if th != nil {
				th.end()
			}
		}()
	}
	args, err := f.args(ctx, v, th)
	if err != nil {
		f.raise(ctx, v, err)
		return
	}
	out := f.invoke(args)
	if f.fails {
		if err, _ := out[f.results].Interface().(error); err != nil {
			f.raise(ctx, v, err)
			return
		}
	}
	if f.results == 0 {
		v.SetNone()
		return
	}
	c, err := f.encode(out)
	if err != nil {
		f.raise(ctx, v, fmt.Errorf("result of %s: %w", f.name, err))
		return
	}
	c.answer(v, false, th)
	th = nil
}

func (f *function) invoke(args []reflect.Value) []reflect.Value {
	if f.rest != nil {
		return f.fn.CallSlice(args)
	}
	return f.fn.Call(args)
}

// caller is the call that led here: see struct py_invoke.
func caller(v *cgo.Invocation) *call {
	return (*call)(unsafe.Pointer(v.Caller())) // frame is the first field
}

var _ [0]struct{} = [unsafe.Offsetof(call{}.frame)]struct{}{}

// context is that of the caller, and ends with Close too. Only functions that take one get it.
func (f *function) context(v *cgo.Invocation) (context.Context, func()) {
	ctx := f.rt.life
	if f.first == nil {
		return ctx, func() {}
	}
	if c := caller(v); c != nil && c.ctx != nil && c.ctx != context.Background() {
		merged, cancel := context.WithCancelCause(c.ctx)
		stop := context.AfterFunc(f.rt.life, func() { cancel(ErrClosed) })
		return merged, func() { stop(); cancel(nil) }
	}
	return ctx, func() {}
}

// attached makes a Thread of the attachment that the caller has.
func (rt *Runtime) attached(ctx context.Context, label string) *Thread {
	th := &Thread{rt: rt, ctx: ctx, call: &call{rt: rt, label: label, ctx: ctx}}
	th.call.frame.Reset(0)
	if rt.in.Attach(&th.call.frame) != cgo.StatusOK {
		return nil
	}
	runtime.LockOSThread()
	scopes.Add(1)
	return th
}

// end releases the Thread of a function, unless it has left another one open: C sees to that.
func (th *Thread) end() {
	defer func() { _ = recover() }()
	th.Release()
}

// args decodes what Python passed.
func (f *function) args(ctx context.Context, v *cgo.Invocation, th *Thread) ([]reflect.Value,
	error) {
	buf, far := v.Args(f.rt.in.DecrefLater)
	defer v.Free()
	d := f.rt.decoder(buf, far)
	if th != nil {
		d.Own = th.own
	}
	args, err := f.decode(ctx, &d, th, v.Values())
	if err != nil {
		d.Drop(f.rt.in.DecrefLater)
	}
	return args, err
}

// firstArg appends the context or the Thread.
func (f *function) firstArg(ctx context.Context, th *Thread, args []reflect.Value) []reflect.Value {
	switch f.first {
	case contextType:
		return append(args, reflect.ValueOf(ctx))
	case threadType:
		return append(args, reflect.ValueOf(th))
	}
	return args
}

func (f *function) decode(ctx context.Context, d *cgo.Decoder, th *Thread, n int) ([]reflect.Value,
	error) {
	args := make([]reflect.Value, 0, len(f.params)+2)
	if !f.method {
		args = f.firstArg(ctx, th, args)
	}
	for i := range f.params {
		arg := reflect.New(f.params[i].Type).Elem()
		if _, err := d.Next(arg); err != nil {
			return nil, f.badArg(i, f.params[i].Name, err)
		}
		args = append(args, arg)
		n--
		if f.method && i == 0 {
			args = f.firstArg(ctx, th, args)
		}
	}
	if f.options != nil {
		into := args[len(args)-1]
		for i, p := range f.options.Params() {
			if _, err := d.Next(f.options.Settable(into, i)); err != nil {
				return nil, f.badArg(0, p.Name, err)
			}
		}
	}
	if f.rest == nil {
		return args, nil
	}
	rest := reflect.MakeSlice(reflect.SliceOf(f.rest), n, n)
	for i := range n {
		if _, err := d.Next(rest.Index(i)); err != nil {
			return nil, f.badArg(len(f.params)+i, "", err)
		}
	}
	return append(args, rest), nil
}

// argError is a TypeError to Python.
type argError struct{ text string }

func (e *argError) Error() string { return e.text }
func (e *argError) Unwrap() error { return TypeError }

func (f *function) badArg(i int, name string, err error) error {
	if name == "" {
		name = fmt.Sprintf("argument %d", i+1)
	} else {
		name = fmt.Sprintf("argument '%s'", name)
	}
	path := ""
	if p := (*cgo.PathError)(nil); errors.As(err, &p) {
		path, err = p.Path, p.Err
	}
	return &argError{fmt.Sprintf("%s() %s%s: %v", f.name, name, path, err)}
}

// named puts the function's name to an error about an argument that is a single number.
func (f *function) named(err error) error {
	if e := (*scalarError)(nil); errors.As(err, &e) {
		name := ""
		if e.arg < len(f.params) {
			name = f.params[e.arg].Name
		}
		return f.badArg(e.arg, name, errors.New(e.text))
	}
	return err
}

// encode makes the answer, in a call of its own.
func (f *function) encode(out []reflect.Value) (*call, error) {
	c := getCall()
	c.rt = f.rt
	var v any
	if f.results == 1 {
		v = out[0].Interface()
	} else {
		t := make(Tuple, f.results)
		for i := range t {
			t[i] = out[i].Interface()
		}
		v = t
	}
	if err := c.enc.Value(v); err != nil {
		c.put()
		return nil, err
	}
	return c, nil
}

// answer hands over what is encoded, and gives the call back once C has read it, and the Thread.
func (c *call) answer(v *cgo.Invocation, raised bool, th *Thread) {
	buf := c.enc.Buf
	needed := len(c.held) > 0 || len(c.gos) > 0 || c.enc.Pinned || th != nil
	if len(buf) <= cgo.MaxAnswer && !needed {
		v.Answer(buf, raised, nil)
		c.put()
		return
	}
	if len(buf) > cgo.MaxAnswer {
		c.pin.Pin(&buf[0])
	}
	v.Answer(buf, raised, func() {
		c.put()
		if th != nil {
			th.end()
		}
	})
}
