package pyhost

import "github.com/pyhost/pyhost/cgo"

// Import imports a module; for a dotted name the last one of it.
func (th *Thread) Import(name string) (*Object, error) {
	return th.named("Import", cgo.DoImport, name)
}

// Module gives a module that is loaded, and imports nothing: ModuleNotFoundError if it is not.
func (th *Thread) Module(name string) (*Object, error) {
	return th.named("Module", cgo.DoModule, name)
}

// Builtin gives one of the builtins, such as len; NameError if there is none of the name.
func (th *Thread) Builtin(name string) (*Object, error) {
	return th.named("Builtin", cgo.DoBuiltin, name)
}

func (th *Thread) named(what string, do cgo.Do, name string) (*Object, error) {
	x := cgo.Operate(do)
	x.XText(name)
	return th.make(what, &x)
}

// Lookup gives what a name stands for in [Runtime.Call]: "module.attr…", importing the module if
// need be, or a name of __main__ or of builtins; NameError if it stands for nothing.
func (th *Thread) Lookup(name string) (*Object, error) {
	if err := th.check("Lookup"); err != nil {
		return nil, err
	}
	id, once, err := th.rt.names.get(name)
	if err != nil {
		return nil, err
	}
	if once {
		defer th.rt.in.FreeName(id)
	}
	x := cgo.Operate(cgo.DoFind)
	x.Raw(uint64(id))
	return th.make("Lookup", &x)
}
