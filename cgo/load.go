package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"errors"
	"unsafe"
)

// cError is the buffer in which C says why something failed.
type cError [512]C.char

func (e *cError) err() error { return errors.New(C.GoString(&e[0])) }

// Linked returns the path of the libpython that the process holds already, "" if there is none.
func Linked() string {
	var path [4096]C.char
	if C.py_linked(&path[0], C.size_t(len(path))) == 0 {
		return ""
	}
	return C.GoString(&path[0])
}

// Load opens libpython and resolves what the library uses of it. Once per process; an error leaves
// the process as it was, and Load may be tried again with another path.
func Load(path string) error {
	var e cError
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	if C.py_load(p, &e[0], C.size_t(len(e))) != 0 {
		return e.err()
	}
	return nil
}

// LoadedVersion is the version of the loaded libpython as Py_GetVersion gives it.
func LoadedVersion() string { return C.GoString(C.py_version_text()) }

// FreeThreaded tells whether the loaded libpython is a free-threaded build.
func FreeThreaded() bool { return C.py_free_threaded() != 0 }

// StartMayExit tells whether a start that fails ends the process instead of returning an error.
func StartMayExit() bool { return C.py_start_may_exit() != 0 }
