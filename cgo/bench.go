package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// Empty is one crossing that does nothing.
func Empty() { C.py_empty() }

// BenchCall is the ns that C alone takes for rounds × name(a, b), a function of __main__ that adds:
// attaching for each call, or once for all. -1: it failed.
func (in *Interp) BenchCall(name string, a, b, rounds int, each bool) int64 {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	return int64(C.py_bench_call(in.p, s, C.long(a), C.long(b), C.int64_t(rounds), toInt(each)))
}

// BenchList is the ns that C alone takes to make, or to read back, `rounds` lists of n ints (kind
// 0), floats (1) or texts of twelve letters (2).
func (in *Interp) BenchList(kind, n, rounds int, back bool) int64 {
	return int64(C.py_bench_list(in.p, C.int(kind), C.int64_t(n), C.int64_t(rounds), toInt(back)))
}

// BenchSub is the mean ns that C alone takes for each of n new sub-interpreters, at most 64, which
// are there together and which it ends again, and the bytes that each adds to the process.
func (in *Interp) BenchSub(s *Sub, n int) (ns, bytes int64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	creating.Lock()
	defer creating.Unlock()
	c := s.config()
	var size C.int64_t
	ns = int64(C.py_bench_sub(in.p, &c, C.int(n), &size))
	return ns, int64(size)
}

//export go_bench
func go_bench(a, b C.int64_t) C.int64_t { return a + b }

// BenchCallback gives the ns of calls by C of a Go function of two ints that Python could call;
// with 0 of one that C calls with no ado, but detached if that is wanted.
func (in *Interp) BenchCallback(fn GoPtr, detach bool, rounds int) int64 {
	var g *C.struct_py_go
	if fn != 0 {
		g = fn.c()
	}
	return int64(C.py_bench_callback(in.p, g, toInt(detach), C.int64_t(rounds)))
}

// BenchAccess is the ns that C alone takes, attached once, for rounds × an access of bench_object,
// a name of __main__: its attribute `field` (0), its item 7 (1), its item "field" (2).
func (in *Interp) BenchAccess(what, rounds int) int64 {
	return int64(C.py_bench_access(in.p, C.int(what), C.int64_t(rounds)))
}
