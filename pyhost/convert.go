package pyhost

import (
	"fmt"
	"reflect"

	"github.com/pyhost/pyhost/cgo"
)

// Tuple is a Python tuple.
type Tuple = cgo.Tuple

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
