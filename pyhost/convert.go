package pyhost

import (
	"fmt"
	"reflect"

	"github.com/pyhost/pyhost/cgo"
)

// Tuple is a Python tuple: a []any of its items.
type Tuple = cgo.Tuple

// Set is a Python set or frozenset: a []any of its elements, in no order.
type Set = cgo.Set

// Decimal is a decimal.Decimal: a string of its text.
type Decimal = cgo.Decimal

// Marshaler is a Go type that says itself what it is in Python: MarshalPython returns the value
// that crosses in its stead.
type Marshaler = cgo.Marshaler

// Unmarshaler is a Go type that takes any value of Python: UnmarshalPython gets what a target of
// type any would have got. If the type has a method Release too, that is called when the rest of
// the result, or another argument of a function, turns out not to fit.
type Unmarshaler = cgo.Unmarshaler

var refType, objectType = reflect.TypeFor[*Ref](), reflect.TypeFor[*Object]()

func init() {
	namespace := reflect.TypeFor[*Namespace]()
	cgo.IsHandle = func(t reflect.Type) bool {
		return t == refType || t == objectType || t == namespace
	}
}

// checkTarget refuses a target that no result could go into, before anything is called.
func checkTarget(out any) error {
	ok := true
	switch p := out.(type) {
	case nil:
	case *int:
		ok = p != nil
	case *string:
		ok = p != nil
	case *any:
		ok = p != nil
	default:
		v := reflect.ValueOf(out)
		ok = v.Kind() == reflect.Pointer && !v.IsNil()
	}
	if !ok {
		return fmt.Errorf("pyhost: result: target must be a non-nil pointer, not %T", out)
	}
	return nil
}
