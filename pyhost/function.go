package pyhost

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"

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
	if hasNUL(spec.Name + spec.Module + spec.Doc) {
		return 0, fmt.Errorf("a Function %q with a NUL in its name, module or docstring", spec.Name)
	}
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
