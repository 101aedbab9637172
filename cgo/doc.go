// Package cgo is the C half of pyhost: libpython's ABI behind Go types. It is the only place of the
// library that imports "C". Programs use package pyhost; nothing here is promised to stay.
//
// # Threads
//
// A crossing ([Interp.Run]) attaches the calling OS thread, works and detaches before it returns,
// so the goroutine may be on any thread. [Interp.Attach] leaves the thread attached: the goroutine
// must be locked to it (runtime.LockOSThread) until [Interp.Detach]. Nothing here waits while it is
// attached, but for Python itself.
//
// # References
//
// An object crosses to Go as a [Ptr] that owns one reference, to be given back by [Interp.Detach]
// while attached or by [Interp.DecrefLater] from anywhere. Values are copied. Numbers lie in memory
// as they cross: little-endian machines only.
//
// # Errors
//
// No operation leaves an exception set. It is encoded into the frame, with [StatusRaised].
package cgo

// #cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -fvisibility=hidden
// #cgo linux LDFLAGS: -ldl -lpthread
import "C"
