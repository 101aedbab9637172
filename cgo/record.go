package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import "unsafe"

// Event is one entry of a recording; see record.c.
type Event struct {
	Time int64 // Now
	Lane int32 // as given by SetLane; -tid where none was given
	Kind int16 // 1 wait, 2 attach, 3 detach, 4 lost, 5 hold, 6 enter C, 7 leave C
	Name int16 // index into the names, -1: none
	TID  int32 // the OS thread
}

// StartRecording notes who holds the GIL when, up to `most` events.
func (in *Interp) StartRecording(most int) bool {
	return C.py_record_start(in.p, C.size_t(most)) == 0
}

// StopRecording returns what was noted, in the order of noting, and how many events had no room.
func (in *Interp) StopRecording() (events []Event, names []string, dropped int) {
	var (
		ev   *C.struct_py_event
		list **C.char
		n    C.int
		lost C.int64_t
	)
	count := C.py_record_stop(in.p, &ev, &list, &n, &lost)
	events = append(events, unsafe.Slice((*Event)(unsafe.Pointer(ev)), int(count))...)
	for _, s := range unsafe.Slice(list, int(n)) {
		names = append(names, C.GoString(s))
		C.free(unsafe.Pointer(s))
	}
	C.free(unsafe.Pointer(ev))
	C.free(unsafe.Pointer(list))
	return events, names, int(lost)
}
