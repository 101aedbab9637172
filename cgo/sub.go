package cgo

// #include "host.h"
import "C"

import "sync"

// Sub says what a sub-interpreter may do: PyInterpreterConfig, which 3.10 and 3.11 have not.
type Sub struct {
	OwnGIL             bool
	MainAllocator      bool
	AllowFork          bool
	AllowExec          bool
	AllowThreads       bool
	AllowDaemonThreads bool
	CheckExtensions    bool
}

// creating is held while an interpreter is created: 3.12 crashes if two are at once. It is taken
// before the thread attaches.
var creating sync.Mutex

// OwnGIL tells whether sub-interpreters of this Python can have a GIL of their own.
func OwnGIL() bool { return C.py_own_gil() != 0 }

// StartSub creates a sub-interpreter, from an OS thread of its own, which attaches to the main one
// for that. See StartMain.
func (in *Interp) StartSub(s *Sub, f *Frame) (*Interp, Status, error) {
	return keep(func() (*Interp, error) { return in.startSub(s) }, f)
}

func (s *Sub) config() C.PyInterpreterConfig {
	c := C.PyInterpreterConfig{
		use_main_obmalloc:             toInt(s.MainAllocator),
		allow_fork:                    toInt(s.AllowFork),
		allow_exec:                    toInt(s.AllowExec),
		allow_threads:                 toInt(s.AllowThreads),
		allow_daemon_threads:          toInt(s.AllowDaemonThreads),
		check_multi_interp_extensions: toInt(s.CheckExtensions),
		gil:                           C.PyInterpreterConfig_SHARED_GIL,
	}
	if s.OwnGIL {
		c.gil = C.PyInterpreterConfig_OWN_GIL
	}
	return c
}

func (in *Interp) startSub(s *Sub) (*Interp, error) {
	c := s.config()
	var e cError
	handle := register()
	creating.Lock()
	defer creating.Unlock()
	return e.interp(C.py_sub_start(in.p, &c, C.uint64_t(handle), &e[0], C.size_t(len(e))), handle)
}
