package pyhost

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/pyhost/pyhost/cgo"
)

// signature is the function's, as in a def.
func (f *function) signature() string {
	var parts []string
	byPlace := 0
	for i, p := range f.params {
		name := p.Name
		if name == "" {
			byPlace = i + 1
			name = fmt.Sprintf("arg%d", i+1)
		}
		part := name + ": " + annotation(p.Type)
		if f.method && i == 0 {
			part = name
		}
		if f.options != nil && i == len(f.params)-1 {
			part += " = None"
		}
		parts = append(parts, part)
	}
	if byPlace > 0 {
		parts = append(parts[:byPlace], append([]string{"/"}, parts[byPlace:]...)...)
	}
	if f.rest != nil {
		parts = append(parts, "*args: "+annotation(f.rest))
	}
	if f.options != nil {
		parts = append(parts, "*")
		for _, p := range f.options.Params() {
			parts = append(parts, p.Name+": "+annotation(p.Type)+" = "+zero(p.Type))
		}
	}
	return "(" + strings.Join(parts, ", ") + ") -> " + f.result()
}

func (f *function) result() string {
	t := f.fn.Type()
	switch f.results {
	case 0:
		return "None"
	case 1:
		return annotation(t.Out(0))
	}
	return "tuple"
}

var annotations = map[reflect.Kind]string{
	reflect.Bool: "bool", reflect.String: "str", reflect.Float32: "float", reflect.Float64: "float",
	reflect.Complex64: "complex", reflect.Complex128: "complex", reflect.Slice: "list",
	reflect.Array: "list", reflect.Map: "dict",
}

// annotation is the Python type that stands for a Go one; object where there is none, or several.
func annotation(t reflect.Type) string {
	switch {
	case cgo.IsHandle(t), t.Kind() == reflect.Interface, t.Kind() == reflect.Struct:
		return "object"
	case t.Kind() == reflect.Pointer:
		return annotation(t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes"
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Uintptr:
		if t.PkgPath() == "time" {
			return "object"
		}
		return "int"
	}
	if name, ok := annotations[t.Kind()]; ok {
		return name
	}
	return "object"
}

func zero(t reflect.Type) string {
	switch annotation(t) {
	case "bool":
		return "False"
	case "str":
		return "''"
	case "int", "float", "complex":
		return "0"
	}
	return "None"
}

// isIdentifier: letters, digits and underscores, and no keyword of Python's.
func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != "" && !strings.Contains(keywords, " "+s+" ")
}

const keywords = " False None True and as assert async await break class continue def del elif" +
	" else except finally for from global if import in is lambda nonlocal not or pass raise" +
	" return try while with yield "
