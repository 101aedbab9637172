package pyhost

import "github.com/pyhost/pyhost/cgo"

// Interp gives benchmarks the C side, to compare with.
func Interp(rt *Runtime) *cgo.Interp { return rt.in }
