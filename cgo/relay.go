package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import "unsafe"

// Relay calls Go functions for threads that Go has not started, from now on and for ever: for a
// program whose init functions never return, in which Go would have those threads wait for that.
func Relay() {
	for {
		r := C.py_relay_next()
		switch r.what {
		case C.PY_RELAY_CALL:
			go func() {
				go_call(r.id, r.inv)
				C.py_relay_answer(r)
			}()
		case C.PY_RELAY_DROP:
			go_drop(r.id)
			C.free(unsafe.Pointer(r))
		case C.PY_RELAY_DONE:
			go_done(r.id)
			C.free(unsafe.Pointer(r))
		case C.PY_RELAY_RELEASED:
			go_export_released(r.id)
			C.free(unsafe.Pointer(r))
		}
	}
}
