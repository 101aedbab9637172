package pyhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
)

// Call is what C calls.
func (f *function) Call(v *cgo.Invocation) {
	stray, ok := f.rt.enterFunction(v)
	if !ok {
		f.discard(v)
		f.raise(f.rt.life, v, ErrClosed)
		return
	}
	if stray {
		defer f.rt.leaveFunction()
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

// enterFunction is how each call by Python begins. stray: it is by a thread of Python's own, and
// ends with leaveFunction. Not ok: the runtime is closed.
func (rt *Runtime) enterFunction(v *cgo.Invocation) (stray, ok bool) {
	switch {
	case !v.Inside():
		if !rt.strays.enter() {
			return true, false
		}
		scopes.Add(1)
		return true, true
	case v.Queued():
		rt.gate.PassBaton()
	}
	return false, true
}

func (rt *Runtime) leaveFunction() {
	scopes.Add(-1)
	rt.strays.leave()
}

// stay keeps a goroutine that called runtime.Goexit, which must not unwind through C. Others go on.
func stay(name string) {
	cgo.Park()
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
			f.discard(v)
			f.raise(ctx, v, ErrNoMemory)
			return
		}
		defer func() { // unless the answer needs its objects
			if th != nil {
				th.finish()
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

// callOf is the call that led here: see struct py_invoke.
func callOf(v *cgo.Invocation) *call {
	return (*call)(unsafe.Pointer(v.Caller())) // frame is the first field
}

var _ [0]struct{} = [unsafe.Offsetof(call{}.frame)]struct{}{}

// context is that of the caller, and ends with Close too. Only functions that take one get it.
func (f *function) context(v *cgo.Invocation) (context.Context, func()) {
	ctx := f.rt.life
	if f.first == nil {
		return ctx, func() {}
	}
	if c := callOf(v); c != nil && c.ctx != nil && c.ctx != context.Background() {
		merged, cancel := context.WithCancelCause(c.ctx)
		stop := context.AfterFunc(f.rt.life, func() { cancel(ErrClosed) })
		return merged, func() { stop(); cancel(nil) }
	}
	return ctx, func() {}
}

// attached makes a Thread of the attachment that the caller has.
func (rt *Runtime) attached(ctx context.Context, label string) *Thread {
	th := &Thread{rt: rt, ctx: ctx, call: &call{rt: rt, label: label, ctx: ctx}}
	th.scope = &scope{th: th}
	th.call.frame.Reset(0)
	if rt.in.Attach(&th.call.frame) != cgo.StatusOK {
		return nil
	}
	runtime.LockOSThread()
	scopes.Add(1)
	return th
}

// argument makes an *Object of an argument where the function wants one.
func (th *Thread) argument(p cgo.Ptr, t reflect.Type) any {
	if t != objectType {
		return nil
	}
	return th.own(p)
}

// finish releases the Thread of a function, unless it has left another one open: C sees to that.
func (th *Thread) finish() {
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
		d.Own = th.argument
	}
	decoded := false
	defer func() { // an Unmarshaler may panic
		if !decoded {
			d.Drop(f.rt.in.DecrefLater)
		}
	}()
	args, err := f.decode(ctx, &d, th, v.Values())
	decoded = err == nil
	return args, err
}

// discard gives back the arguments of a call that is refused.
func (f *function) discard(v *cgo.Invocation) {
	if v.Values() == 0 {
		return
	}
	buf, far := v.Args(f.rt.in.DecrefLater)
	defer v.Free()
	d := f.rt.decoder(buf, far)
	d.Drop(f.rt.in.DecrefLater)
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

// badArg names the argument; the receiver of a method, which has a name, is not counted.
func (f *function) badArg(i int, name string, err error) error {
	switch class, field, dotted := strings.Cut(f.name, "."); {
	case f.method && dotted: // see accessors
		name = fmt.Sprintf("attribute %s of %s", field, class)
	case name != "":
		name = fmt.Sprintf("%s() argument '%s'", f.name, name)
	case f.method:
		name = fmt.Sprintf("%s() argument %d", f.name, i)
	default:
		name = fmt.Sprintf("%s() argument %d", f.name, i+1)
	}
	path := ""
	if p := (*cgo.PathError)(nil); errors.As(err, &p) {
		path, err = p.Path, p.Err
	}
	return &argError{fmt.Sprintf("%s%s: %v", name, path, err)}
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
	if err := c.encode(func(e *cgo.Encoder) error { return e.Value(f.value(out)) }); err != nil {
		c.put()
		return nil, err
	}
	return c, nil
}

// value is what the results are to Python.
func (f *function) value(out []reflect.Value) any {
	switch f.results {
	case 0:
		return nil
	case 1:
		return out[0].Interface()
	}
	t := make(Tuple, f.results)
	for i := range t {
		t[i] = out[i].Interface()
	}
	return t
}

// answer hands over what is encoded, and gives the call back once C has read it, and the Thread.
func (c *call) answer(v *cgo.Invocation, raised bool, th *Thread) {
	buf := c.enc.Buf
	needed := len(c.held) > 0 || len(c.gos) > 0 || c.enc.Pinned ||
		len(c.enc.Exports) > 0 || th != nil
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
			th.finish()
		}
	})
}
