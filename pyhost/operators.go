package pyhost

import (
	"fmt"

	"github.com/pyhost/pyhost/cgo"
)

// Binary gives `o op other`. op is one of
//
//   - - * @ / // % ** << >> & | ^
//
// or of these with = after it, such as "+=", which may change o itself and gives what Python would
// bind the name to; or a comparison: == != < <= > >=, which need not give a bool.
func (o *Object) Binary(op string, other any) (*Object, error) {
	if !isBinary(op) && !isComparison(op) {
		return nil, fmt.Errorf("pyhost: %q is no binary operator", op)
	}
	x := cgo.Operate(cgo.DoBinary)
	x.Raw(cgo.Letters(op))
	return o.owned(o.operate1(op, &x, other))
}

// Unary gives `op o`. op is one of - + ~; for not see [Object.Truth].
func (o *Object) Unary(op string) (*Object, error) {
	switch op {
	case "-", "+", "~":
	default:
		return nil, fmt.Errorf("pyhost: %q is no unary operator", op)
	}
	x := cgo.Operate(cgo.DoUnary)
	x.Raw(cgo.Letters(op))
	return o.owned(o.operate(op, &x))
}

// Compare gives the truth of `o op other`. op is one of == != < <= > >=. Where the comparison gives
// something that has no truth, as that of arrays does, it is an error: see [Object.Binary].
func (o *Object) Compare(op string, other any) (bool, error) {
	if !isComparison(op) {
		return false, fmt.Errorf("pyhost: %q is no comparison", op)
	}
	x := cgo.Operate(cgo.DoCompare)
	x.Raw(cgo.Letters(op))
	return truth(o.operate1(op, &x, other))
}

// Equal is Compare by ==.
func (o *Object) Equal(other any) (bool, error) { return o.Compare("==", other) }

// Truth is what Python's bool gives for the object.
func (o *Object) Truth() (bool, error) {
	x := cgo.Operate(cgo.DoTruth)
	return truth(o.operate("Truth", &x))
}

// Hash is what Python's hash gives for the object.
func (o *Object) Hash() (int64, error) {
	x := cgo.Operate(cgo.DoHash)
	r, err := o.operate("Hash", &x)
	return r.Int(), err
}

func isComparison(op string) bool {
	switch op {
	case "==", "!=", "<", "<=", ">", ">=":
		return true
	}
	return false
}

func isBinary(op string) bool {
	switch op {
	case "+", "-", "*", "@", "/", "//", "%", "**", "<<", ">>", "&", "|", "^",
		"+=", "-=", "*=", "@=", "/=", "//=", "%=", "**=", "<<=", ">>=", "&=", "|=", "^=":
		return true
	}
	return false
}
