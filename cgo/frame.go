package cgo

// #include <stdlib.h>
// #include "host.h"
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Status is the outcome of an operation.
type Status int

// The outcomes.
const (
	StatusOK          Status = C.PY_OK           // Result holds the value, or Obj the object
	StatusRaised      Status = C.PY_RAISED       // Result holds the exception
	StatusNeverRan    Status = C.PY_NEVER_RAN    // cancelled before it began
	StatusNotAttached Status = C.PY_NOT_ATTACHED // not the OS thread that attached
	StatusNotLast     Status = C.PY_NOT_LAST     // one that was attached inside it is still open
	StatusNoMemory    Status = C.PY_NO_MEMORY    // C memory ran out
)

// What a frame asks for.
const (
	FlagBaton       = C.PY_FRAME_BATON       // pass the gate's baton on, once attached
	FlagSlot        = C.PY_FRAME_SLOT        // it holds a slot of the gate
	FlagCancellable = C.PY_FRAME_CANCELLABLE // Interp.Cancel may hit it
	FlagTimed       = C.PY_FRAME_TIMED       // Attached and Left are wanted
	FlagDrop        = C.PY_FRAME_DROP        // the result is not wanted
	FlagKeep        = C.PY_FRAME_KEEP        // the result is wanted as an object
)

// Ptr is the address of a Python object.
type Ptr uint64

// Frame is one operation under way: what it asks for and what came out. It holds no Go pointers, so
// that C may work in it. One goroutine uses it at a time, but for Cancel.
type Frame struct{ c C.struct_py_frame }

// Reset makes the frame ready for an operation.
func (f *Frame) Reset(flags uint32) {
	f.c.state = C.PY_WAITING
	f.c.flags = C.uint32_t(flags)
	f.c.sent = 0
	f.c.lane = -1
	f.c.wait_from, f.c.attached, f.c.left = 0, 0, 0
	f.c.obj, f.c.code, f.c.out, f.c.len = 0, 0, 0, 0
	f.c.shape, f.c.far, f.c.nfar = 0, 0, 0
}

// SetFlags says what the operation asks for.
func (f *Frame) SetFlags(flags uint32) { f.c.flags = C.uint32_t(flags) }

// SetShape says what the result is to be decoded into.
func (f *Frame) SetShape(s Shape) { f.c.shape = C.uint64_t(s) }

// Fetch copies the blobs of the result that were left where they are, and gives their objects back.
// To be called before the gate is left: nothing may end the interpreter meanwhile.
func (f *Frame) Fetch(giveBack func(Ptr)) [][]byte {
	blobs := f.Blobs()
	for i, b := range blobs {
		blobs[i] = append([]byte(nil), b...)
	}
	f.DropBlobs(giveBack)
	return blobs
}

// Blobs are those blobs where they are, until DropBlobs.
func (f *Frame) Blobs() [][]byte {
	if f.c.far == 0 {
		return nil
	}
	blobs := make([][]byte, f.c.nfar)
	for i, far := range f.fars() {
		data := *(*unsafe.Pointer)(unsafe.Pointer(&far.data))
		blobs[i] = unsafe.Slice((*byte)(data), int(far.len))
	}
	return blobs
}

func (f *Frame) fars() []C.struct_py_far {
	p := *(*unsafe.Pointer)(unsafe.Pointer(&f.c.far))
	return unsafe.Slice((*C.struct_py_far)(p), int(f.c.nfar))
}

// DropBlobs gives the objects that hold the blobs back.
func (f *Frame) DropBlobs(giveBack func(Ptr)) {
	if f.c.far == 0 {
		return
	}
	for _, far := range f.fars() {
		giveBack(Ptr(far.obj))
	}
	C.free(*(*unsafe.Pointer)(unsafe.Pointer(&f.c.far)))
	f.c.far, f.c.nfar = 0, 0
}

// SetLane names the lane of a recording, and when the wait for it began (Now; 0: it did not wait).
func (f *Frame) SetLane(lane int, waitFrom int64) {
	f.c.lane, f.c.wait_from = C.int32_t(lane), C.int64_t(waitFrom)
}

// GiveUp takes back an operation that has not begun: it will never run. False: it has begun.
func (f *Frame) GiveUp() bool {
	state := (*uint32)(unsafe.Pointer(&f.c.state))
	return atomic.CompareAndSwapUint32(state, C.PY_WAITING, C.PY_CANCELLED)
}

// Sent tells, once the operation has ended, whether an exception was set to cancel it.
func (f *Frame) Sent() bool { return f.c.sent != 0 }

// Attached and Left are the times (Now) at which a timed frame got the GIL and gave it up.
func (f *Frame) Attached() int64 { return int64(f.c.attached) }

// Left is the other time: see Attached.
func (f *Frame) Left() int64 { return int64(f.c.left) }

// Obj is the object handed over: the caller owns the reference.
func (f *Frame) Obj() Ptr { return Ptr(f.c.obj) }

// Code is the code object that was compiled, 0 if none was: the caller owns the reference.
func (f *Frame) Code() Ptr { return Ptr(f.c.code) }

// Result is the encoded value. It is valid until Free or Reset.
func (f *Frame) Result() []byte {
	if f.c.out == 0 {
		return unsafe.Slice((*byte)(unsafe.Pointer(&f.c.buf)), int(f.c.len))
	}
	return unsafe.Slice((*byte)(f.long()), int(f.c.len))
}

// The address is kept as a number, so that the garbage collector has nothing to look at in a frame.
func (f *Frame) long() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&f.c.out)) }

// Free gives back the memory of a long result.
func (f *Frame) Free() {
	if f.c.out != 0 {
		C.py_free_out(f.c.out)
		f.c.out, f.c.len = 0, 0
	}
}

// Now is the clock of the frames: CLOCK_MONOTONIC in ns.
func Now() int64 { return int64(C.py_now()) }
