package cgo

// #include "host.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Host is the Go side of an interpreter, which C calls.
type Host interface {
	// PassBaton lets the next goroutine in. The caller is attached: it must not block.
	PassBaton()
	// Write takes what Python writes to stream fd (1 or 2). The caller is detached.
	Write(fd int, p []byte) error
	// Lost looks for slots of threads that died.
	Lost()
}

var (
	hosts   atomic.Pointer[[]Host] // by handle; replaced as a whole, under hostsMu
	hostsMu sync.Mutex
)

// nobody stands for a host that is not there yet.
type nobody struct{}

func (nobody) PassBaton()              {}
func (nobody) Write(int, []byte) error { return errors.New("no host yet") }
func (nobody) Lost()                   {}

// register makes a handle for a host that Serve names later.
func register() int {
	hostsMu.Lock()
	defer hostsMu.Unlock()
	all := current()
	i := slices.Index(all, nil)
	if i < 0 {
		i = len(all)
		all = append(all, nil)
	}
	all[i] = nobody{}
	hosts.Store(&all)
	return i
}

// unregister frees the handle of an interpreter that has gone.
func unregister(handle int) {
	hostsMu.Lock()
	defer hostsMu.Unlock()
	all := current()
	all[handle] = nil
	hosts.Store(&all)
}

// Serve names the host that C calls from now on.
func (in *Interp) Serve(h Host) {
	hostsMu.Lock()
	defer hostsMu.Unlock()
	all := current()
	all[in.p.handle] = h
	hosts.Store(&all)
}

// current is a copy. Under hostsMu.
func current() []Host {
	if p := hosts.Load(); p != nil {
		return slices.Clone(*p)
	}
	return nil
}

//export go_gate_pass
func go_gate_pass(handle C.uint64_t) { (*hosts.Load())[handle].PassBaton() }

//export go_write
func go_write(handle C.uint64_t, fd C.int, p *C.char, n C.ssize_t, msg *C.char,
	size C.size_t) C.int {
	b := unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))
	err := write((*hosts.Load())[handle], int(fd), b)
	if err == nil {
		return 0
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(msg)), int(size))
	copy(to[:len(to)-1], strings.ToValidUTF8(err.Error(), "\ufffd"))
	return 1
}

// A panic of the program's writer must not unwind through C. Nor may runtime.Goexit, which cannot
// be stopped: so the goroutine stays here.
func write(h Host, fd int, b []byte) (err error) {
	returned := false
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		} else if !returned {
			fmt.Fprintln(os.Stderr, "pyhost: a stream's writer called runtime.Goexit, maybe by "+
				"t.FailNow: the call that printed does not return")
			select {}
		}
	}()
	err = h.Write(fd, b)
	returned = true
	return err
}
