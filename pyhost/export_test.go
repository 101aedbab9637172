package pyhost

import (
	"context"

	"github.com/pyhost/pyhost/cgo"
)

// Interp gives benchmarks the C side, to compare with.
func Interp(rt *Runtime) *cgo.Interp { return rt.in }

// Echo hands a buffer that nobody vouches for to Python, and decodes what comes back.
func Echo(rt *Runtime, buf []byte, out any) error {
	c := getCall()
	c.rt, c.op, c.label = rt, cgo.OpEcho, "echo"
	c.enc.Buf = append(c.enc.Buf, buf...)
	return rt.do(context.Background(), c, out)
}

// Encoded is a value as it crosses.
func Encoded(v any) ([]byte, error) {
	e := cgo.Encoder{Layouts: true}
	err := e.Value(v)
	return e.Buf, err
}

// NewFunction makes a function ready to cross; Release it.
func NewFunction(rt *Runtime, fn any) (cgo.GoPtr, error) {
	return rt.newFunction(&Function{Func: fn})
}
