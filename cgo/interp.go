package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// Interp is one Python interpreter.
type Interp struct {
	p      *C.struct_py_interp
	addr   C.uintptr_t // p, for hot crossings: cgo looks closely at pointers to pointers
	finish chan finishing
	shapes sync.Map // reflect.Type -> Shape
}

// finishing is what the thread that started Python is asked in the end.
type finishing struct {
	limit     time.Duration // for threads that are not ours to end
	strangers chan int      // gets the number of those that did not
}

// Start says how the main interpreter begins.
type Start struct {
	Program, Home  string // sys.executable; the prefix, when there is no program to find it from
	UseEnvironment bool   // honour PYTHON* variables
	UserSite       bool   // the user's site-packages on sys.path
}

//go:embed bootstrap.py
var bootstrap string

//go:embed late.py
var late string

//go:embed values.py
var values string

//go:embed callbacks.py
var callbacks string

// StartMain initialises the main interpreter of the loaded libpython, once per process, on an OS
// thread of its own that does nothing else but finalise it. The frame gets an exception, with
// StatusRaised.
func StartMain(s *Start, f *Frame) (*Interp, Status, error) {
	if err := watchLost(); err != nil {
		return nil, StatusOK, err
	}
	return keep(s.run, f)
}

// keep has an interpreter started by an OS thread of its own, which will end it too, and gives it
// the library's side in Python.
func keep(start func() (*Interp, error), f *Frame) (*Interp, Status, error) {
	type started struct {
		in  *Interp
		err error
	}
	done := make(chan started)
	finish := make(chan finishing)
	go func() {
		runtime.LockOSThread() // the thread dies with the goroutine, and its thread states go
		in, err := start()
		done <- started{in, err}
		if err != nil {
			return
		}
		C.py_keep(in.p)
		for f := range finish {
			f.strangers <- int(C.py_finish(in.p, C.int64_t(f.limit)))
		}
	}()
	st := <-done
	if st.err != nil {
		return nil, StatusOK, st.err
	}
	st.in.finish = finish
	return st.in, Status(C.py_bootstrap(st.in.p, ownSource(), &f.c)), nil
}

// ownSource is bootstrap.py with the texts that it is given. It is never freed.
var ownSource = sync.OnceValue(func() *C.char {
	return C.CString("LATE = " + strconv.QuoteToASCII(late) +
		"\nVALUES = " + strconv.QuoteToASCII(values) +
		"\nCALLBACKS = " + strconv.QuoteToASCII(callbacks) + "\n" + bootstrap)
})

func (s *Start) run() (*Interp, error) {
	var e cError
	var c C.struct_py_start
	// The strings are never freed: Python up to 3.13 keeps them.
	if s.Program != "" {
		c.program = C.CString(s.Program)
	}
	if s.Home != "" {
		c.home = C.CString(s.Home)
	}
	c.use_environment, c.user_site = toInt(s.UseEnvironment), toInt(s.UserSite)
	handle := register()
	return e.interp(C.py_start(&c, C.uint64_t(handle), &e[0], C.size_t(len(e))), handle)
}

func (e *cError) interp(p *C.struct_py_interp, handle int) (*Interp, error) {
	if p == nil {
		unregister(handle)
		return nil, e.err()
	}
	return &Interp{p: p, addr: C.uintptr_t(uintptr(unsafe.Pointer(p)))}, nil
}

func toInt(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Gate is the word that the gate of package pyhost shares with C.
func (in *Interp) Gate() *uint64 { return (*uint64)(unsafe.Pointer(&in.p.gate)) }

// Away is the number of threads inside that run a Go function, detached.
func (in *Interp) Away() *int32 { return (*int32)(unsafe.Pointer(&in.p.away)) }

// The bits of the gate that C knows.
const (
	GateBaton  = C.PY_GATE_BATON
	GateQueued = C.PY_GATE_QUEUED
)

// ID is CPython's number of the interpreter; 0 is the main one.
func (in *Interp) ID() int64 { return int64(in.p.id) }

// ThreadStates is the number of thread states that are kept.
func (in *Interp) ThreadStates() int { return int(C.py_state_count(in.p)) }

// Inside tells whether the calling goroutine is in an attachment or a callback of this interpreter.
func (in *Interp) Inside() bool { return C.py_inside(in.p) != 0 }

// ErrStrangers tells that threads that the library did not make still belong to the interpreter.
var ErrStrangers = errors.New("threads of Python are still running")

// Finish finalises the main interpreter, or ends a sub-interpreter. Nobody may be inside, now or
// later. If it takes longer than the limit the interpreter is left to itself, with an error.
func (in *Interp) Finish(limit time.Duration) error {
	f := finishing{limit / 2, make(chan int, 1)}
	C.py_keeper_leave(in.p)
	in.finish <- f
	defer close(in.finish)
	select {
	case n := <-f.strangers:
		if n != 0 {
			return fmt.Errorf("%w: %d", ErrStrangers, n)
		}
		unregister(int(in.p.handle))
		return nil
	case <-time.After(limit):
		return fmt.Errorf("finalization did not end in %v", limit)
	}
}

// A dying OS thread cannot run Go: it writes to a pipe, and a goroutine gives its slots back.
func watchLost() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	C.py_lost_pipe(C.int(w.Fd()))
	go func() {
		defer w.Close()
		b := make([]byte, 64)
		for {
			if _, err := r.Read(b); err != nil {
				return
			}
			for _, h := range *hosts.Load() {
				if h != nil {
					h.Lost()
				}
			}
		}
	}()
	return nil
}

// TakeLost returns the number of slots whose threads died while inside, and forgets them.
func (in *Interp) TakeLost() int { return int(C.py_take_lost(in.p)) }

// MemoryLimit bounds what the interpreter takes from the system, in bytes; 0 lifts the bound.
func (in *Interp) MemoryLimit(bytes int64) { C.py_memory_limit(in.p, C.int64_t(bytes)) }

// MemoryUsed is what the interpreter holds of the system's memory, in bytes.
func (in *Interp) MemoryUsed() int64 { return int64(C.py_memory_used(in.p)) }
