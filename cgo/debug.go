//go:build pydebug

package cgo

// Built with -tags pydebug the C code checks at each attach and detach that the thread is where it
// should be and that no exception is left, and collects Python's garbage at every 16th attach.

// #cgo CFLAGS: -DPYDEBUG
import "C"
