//go:build !cgo

package cgo

// Without cgo Go leaves out the files that use C, and misses what they declare: this says why. By
// its name the file comes before those, and the error before theirs.
type needsCgo pyhost_needs_CGO_ENABLED_1_and_a_C_compiler
