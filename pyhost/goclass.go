package pyhost

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// Class is a struct type of Go as a Python class: a member of a [Runtime.Module]. From then on a
// value of that type, or a pointer to one, is an instance to Python, not a dict: the Go value
// itself, which lives as long as Python holds it. An instance becomes the same pointer again where
// Go wants one, and a copy where it wants the struct.
//
// Exported fields are attributes; one that is a struct with a Class of its own is shared too.
// Exported methods, of the pointer too, are methods under their Go names, with parameters, results
// and errors as those of a [Function]. Some have a meaning in Python as well:
//
//	String() string               str(), repr()
//	Error() string                str()
//	Len() int                     len(), truth
//	All() iter.Seq or iter.Seq2   iter()
//	Get(key) (V, bool), (V, error), V     x[key]; KeyError for false
//	Set(key, value)               x[key] = value
//	Delete(key)                   del x[key]
//	Contains(v) bool              in
//	Equal(other) bool             ==
//	Close() or Close() error      with: at its end
//	Call(…)                       x(…)
//
// Values that Go and Python change at once are the program's to guard: methods run detached,
// several at a time.
type Class struct {
	Of  any    // a value of the struct type, or a pointer to one
	Doc string // its docstring
	// New makes an instance: a func that returns a pointer to the struct, and maybe an error, or a
	// Function of one. Nil: the class takes the fields as keyword arguments.
	New any
	// Methods has docstrings and names of parameters of methods, by their Go names. Its Funcs are
	// not looked at.
	Methods map[string]Function
}

// goClasses are the classes of struct types of Go. Readers take the map as it is; it is replaced as
// a whole, under classes.mu.
type goClasses map[reflect.Type]*Ref

// instance makes a struct ready to cross as an instance of its class.
func (c *call) instance(v reflect.Value) (cgo.GoPtr, cgo.Ptr, bool) {
	known := c.rt.classes.ofGo.Load()
	if known == nil {
		return 0, 0, false
	}
	t := v.Type()
	if v.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	class, ok := (*known)[t]
	if !ok {
		return 0, 0, false
	}
	if v.Kind() != reflect.Pointer {
		p := reflect.New(t)
		p.Elem().Set(v)
		v = p
	}
	g := c.rt.in.NewValue(v.Interface())
	if g == 0 {
		return 0, 0, false
	}
	c.gos = append(c.gos, g)
	return g, class.held.ptr, true
}

// classSpec is what callbacks.py makes a class of.
type classSpec struct {
	Name    string                 `py:"name"`
	Module  string                 `py:"module"`
	Doc     string                 `py:"doc"`
	New     Function               `py:"new"`
	Same    Function               `py:"same"`
	Hash    Function               `py:"hash"`
	Fields  []fieldSpec            `py:"fields"`
	Methods map[string]Function    `py:"methods"`
	Special map[string]specialKind `py:"special"`
}

type fieldSpec struct {
	Name string   `py:"name"`
	Get  Function `py:"get"`
	Set  Function `py:"set"`
}

// specialKind says how a method of Go's serves as one of Python's.
type specialKind string

// newClass makes the class and has the type stand for it.
func (rt *Runtime) newClass(ctx context.Context, name, module string, c *Class) (*Ref, error) {
	t := reflect.TypeOf(c.Of)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("a Class of %T, which is no struct", c.Of)
	}
	spec := &classSpec{Name: name, Module: module, Doc: c.Doc, Methods: map[string]Function{},
		Special: map[string]specialKind{}}
	if err := spec.build(t, c); err != nil {
		return nil, err
	}
	var ref *Ref
	err := rt.classes.change(ctx, rt, func() (err error) {
		ref, err = rt.makeClass(ctx, t, spec)
		return err
	})
	return ref, err
}

// makeClass is called by change.
func (rt *Runtime) makeClass(ctx context.Context, t reflect.Type, spec *classSpec) (*Ref, error) {
	classes := &rt.classes
	if _, twice := classes.ptrOf(t); twice {
		return nil, fmt.Errorf("%s is registered for a class of Python's", t)
	}
	next := goClasses{}
	if old := classes.ofGo.Load(); old != nil {
		next = maps.Clone(*old)
	}
	if _, twice := next[t]; twice {
		return nil, fmt.Errorf("%s has a class already", t)
	}
	var ref *Ref
	if err := rt.Call(ctx, "_pyhost.go_class", &ref, spec); err != nil {
		return nil, err
	}
	ref.held.origin.closed(rt) // for the account, as in registerClass
	next[t] = ref
	classes.ofGo.Store(&next)
	return ref, nil
}

func (s *classSpec) build(t reflect.Type, c *Class) error {
	ptr := reflect.PointerTo(t)
	function := func(name string, fn any) Function {
		return Function{Func: fn, Name: s.Name + "." + name, Module: s.Module, Method: true}
	}
	fields := cgo.FieldsOf(t)
	for i, p := range fields.Params() {
		get, set := accessors(ptr, fields, i, p.Type)
		s.Fields = append(s.Fields, fieldSpec{p.Name, function(p.Name, get), function(p.Name, set)})
	}
	for m := range ptr.Methods() {
		f := c.Methods[m.Name]
		f.Func, f.Name, f.Module, f.Method = m.Func.Interface(), m.Name, s.Module, true
		s.Methods[m.Name] = f
		if kind, ok := special(m); ok {
			s.Special[m.Name] = kind
		}
	}
	for name := range c.Methods {
		if _, ok := s.Methods[name]; !ok {
			return fmt.Errorf("%s has no method %s", ptr, name)
		}
	}
	s.Same = function("__eq__", func(self, other any) bool { return self == other })
	s.Hash = function("__hash__", func(self any) uint64 {
		return uint64(reflect.ValueOf(self).Pointer()) >> 4
	})
	return s.constructor(t, c)
}

func (s *classSpec) constructor(t reflect.Type, c *Class) error {
	ptr := reflect.PointerTo(t)
	switch f := c.New.(type) {
	case nil:
		one := reflect.FuncOf([]reflect.Type{t}, []reflect.Type{ptr}, false)
		if cgo.Keywords(t) == nil {
			one = reflect.FuncOf(nil, []reflect.Type{ptr}, false)
		}
		s.New.Func = reflect.MakeFunc(one, func(in []reflect.Value) []reflect.Value {
			p := reflect.New(t)
			if len(in) > 0 {
				p.Elem().Set(in[0])
			}
			return []reflect.Value{p}
		}).Interface()
	case Function:
		s.New = f
	default:
		s.New.Func = f
	}
	s.New.Name, s.New.Module = s.Name, s.Module
	if f := reflect.TypeOf(s.New.Func); f == nil || f.Kind() != reflect.Func || f.NumOut() == 0 ||
		f.Out(0) != ptr {
		return fmt.Errorf("the New of a Class of %s does not return a %s first", t, ptr)
	}
	return nil
}

// accessors make functions of a field. A struct is shared, as a pointer.
func accessors(ptr reflect.Type, fields *cgo.Fields, i int, t reflect.Type) (get, set any) {
	out := t
	if t.Kind() == reflect.Struct && cgo.Keywords(t) != nil {
		out = reflect.PointerTo(t)
	}
	read := reflect.FuncOf([]reflect.Type{ptr}, []reflect.Type{out, errorType}, false)
	write := reflect.FuncOf([]reflect.Type{ptr, t}, []reflect.Type{errorType}, false)
	get = reflect.MakeFunc(read,
		func(in []reflect.Value) []reflect.Value {
			none := reflect.Zero(errorType)
			if in[0].IsNil() {
				return []reflect.Value{reflect.Zero(out), reflect.ValueOf(&errNilReceiver).Elem()}
			}
			v := fields.Settable(in[0].Elem(), i)
			if out != t {
				v = v.Addr()
			}
			return []reflect.Value{v, none}
		}).Interface()
	set = reflect.MakeFunc(write,
		func(in []reflect.Value) []reflect.Value {
			if in[0].IsNil() {
				return []reflect.Value{reflect.ValueOf(&errNilReceiver).Elem()}
			}
			fields.Settable(in[0].Elem(), i).Set(in[1])
			return []reflect.Value{reflect.Zero(errorType)}
		}).Interface()
	return get, set
}

var errNilReceiver = fmt.Errorf("%w: no instance", TypeError)

// special recognises the methods that mean something to Python, by name and by type.
func special(m reflect.Method) (specialKind, bool) {
	t := m.Type
	in, out := t.NumIn()-1, t.NumOut()
	gives := func(k reflect.Kind) bool { return out == 1 && t.Out(0).Kind() == k }
	fails := out > 0 && t.Out(out-1) == errorType
	acts := out == 0 || out == 1 && fails
	if m.Name == "Get" && in == 1 && out == 2 && t.Out(1).Kind() == reflect.Bool {
		return "get_ok", true
	}
	return specialKind(strings.ToLower(m.Name)), map[string]bool{
		"String":   in == 0 && gives(reflect.String),
		"Error":    in == 0 && gives(reflect.String),
		"Len":      in == 0 && gives(reflect.Int),
		"All":      in == 0 && out == 1 && cgo.IsSequence(t.Out(0)),
		"Get":      in == 1 && (out == 1 && !fails || out == 2 && fails),
		"Set":      in == 2 && acts,
		"Delete":   in == 1 && acts,
		"Contains": in == 1 && gives(reflect.Bool),
		"Equal":    in == 1 && gives(reflect.Bool),
		"Close":    in == 0 && acts,
		"Call":     true,
	}[m.Name]
}
