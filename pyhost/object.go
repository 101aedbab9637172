package pyhost

import (
	"fmt"

	"github.com/pyhost/pyhost/cgo"
)

// Object is a Python object, usable while its [Thread] is attached and by its goroutine only. It is
// given back when the [Thread.Scope] it was made in ends, or else when the Thread is released.
//
// Operands and arguments are Go values, which cross as those of a call do, or objects: an *Object
// of the same Runtime, or a *[Ref]. Exceptions are *[PythonError]. Misuse is ErrReleased,
// ErrWrongThread, ErrScopeEnded, ErrNoObject or ErrOtherRuntime.
type Object struct {
	scope *scope
	ptr   cgo.Ptr
}

// Attr gives an attribute.
func (o *Object) Attr(name string) (*Object, error) {
	if th := o.usable(); th != nil {
		if p := th.rt.interned.get(name); p != 0 {
			return th.got("Attr", th.rt.in.GetAttr(&th.call.frame, o.ptr, p))
		}
	}
	x := cgo.Operate(cgo.DoAttr)
	return o.owned(o.named("Attr", &x, name))
}

// SetAttr sets an attribute.
func (o *Object) SetAttr(name string, value any) error {
	th, err := o.thread("SetAttr")
	if err != nil {
		return err
	}
	x := cgo.Operate(cgo.DoSetAttr)
	if p := th.attribute(name); p != 0 {
		x.XObject(p)
		_, err = o.operateY("SetAttr", &x, value)
	} else {
		_, err = o.operate2("SetAttr", &x, name, value)
	}
	return err
}

// DelAttr deletes an attribute.
func (o *Object) DelAttr(name string) error {
	x := cgo.Operate(cgo.DoDelAttr)
	_, err := o.named("DelAttr", &x, name)
	return err
}

// HasAttr tells whether there is an attribute. Other exceptions than AttributeError are errors.
func (o *Object) HasAttr(name string) (bool, error) {
	x := cgo.Operate(cgo.DoHasAttr)
	return truth(o.named("HasAttr", &x, name))
}

// named performs an operation whose operand is the name of an attribute.
func (o *Object) named(what string, x *cgo.Operation, name string) (cgo.Scalar, error) {
	th, err := o.thread(what)
	if err != nil {
		return cgo.Scalar{}, err
	}
	if p := th.attribute(name); p != 0 {
		x.XObject(p)
	} else {
		x.XText(name)
	}
	return th.perform(what, o.ptr, x)
}

// Call calls the object's method `name`, or the object itself if name is empty. The last argument
// may be a [Kw].
func (o *Object) Call(name string, args ...any) (*Object, error) {
	th, err := o.thread("Call")
	if err != nil {
		return nil, err
	}
	x := cgo.Operate(cgo.DoCall)
	if name != "" {
		p := th.attribute(name)
		if p == 0 {
			return o.callAttr(name, args)
		}
		x = cgo.Operate(cgo.DoMethod)
		x.XObject(p)
	}
	c := th.newCall()
	defer c.put()
	if err := c.args(args); err != nil {
		return nil, fmt.Errorf("pyhost: call of %s: %w", name, err)
	}
	x.Encoded(c.enc.Buf)
	return o.owned(th.perform("Call", o.ptr, &x))
}

// callAttr is for a name that cannot be kept.
func (o *Object) callAttr(name string, args []any) (*Object, error) {
	x := cgo.Operate(cgo.DoAttr)
	fn, err := o.owned(o.named("Call", &x, name))
	if err != nil {
		return nil, err
	}
	return fn.Call("", args...)
}

// Decode decodes the object into out, a pointer.
func (o *Object) Decode(out any) error {
	if out == nil || !isNumber(out) {
		return o.value("Decode", cgo.ObjDecode, out)
	}
	x := cgo.Operate(cgo.DoNumber)
	r, err := o.operate("Decode", &x)
	if err != nil || r.Into(out) {
		return err
	}
	if r.IsObject() {
		return o.value("Decode", cgo.ObjDecode, out)
	}
	return o.scope.th.rt.decode(r.Encoded(), nil, out)
}

// Str is what Python's str gives for the object.
func (o *Object) Str() (s string, err error) {
	err = o.value("Str", cgo.ObjStr, &s)
	return s, err
}

// Repr is what Python's repr gives for the object.
func (o *Object) Repr() (s string, err error) {
	err = o.value("Repr", cgo.ObjRepr, &s)
	return s, err
}

// String is Str for package fmt; where that fails it says why.
func (o *Object) String() string {
	s, err := o.Str()
	if err != nil {
		return fmt.Sprintf("<pyhost.Object: %v>", err)
	}
	return s
}

// Dir is what Python's dir gives: the names of the attributes, in order.
func (o *Object) Dir() (names []string, err error) {
	err = o.value("Dir", cgo.ObjDir, &names)
	return names, err
}

// Type gives the class of the object.
func (o *Object) Type() (*Object, error) {
	x := cgo.Operate(cgo.DoType)
	return o.owned(o.operate("Type", &x))
}

// TypeName is the name of the class, without that of its module.
func (o *Object) TypeName() (name string, err error) {
	err = o.value("TypeName", cgo.ObjTypeName, &name)
	return name, err
}

// IsInstance tells whether the object is one of a class, or of one of a [Tuple] of classes.
func (o *Object) IsInstance(class any) (bool, error) {
	x := cgo.Operate(cgo.DoIsInstance)
	return truth(o.operate1("IsInstance", &x, class))
}

// Is tells whether other is the same object. nil is None; of other Go values a new object is made.
func (o *Object) Is(other any) (bool, error) {
	x := cgo.Operate(cgo.DoIs)
	return truth(o.operate1("Is", &x, other))
}
