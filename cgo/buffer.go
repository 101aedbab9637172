package cgo

// #include "host.h"
import "C"

import (
	"errors"
	"reflect"
	"runtime"
	rtcgo "runtime/cgo"
	"sync"
	"unsafe"
)

// Export is Go memory that Python may see: a value that encodes as an object with the buffer
// protocol, in any interpreter. See buffer.c for who keeps what alive.
type Export struct {
	// Far is what gives another process the same memory; nil: nothing does.
	Far any

	p       *C.struct_py_export // until the cleanup of the Export
	mem     *memory
	cleanup runtime.Cleanup
}

var exportType = reflect.TypeFor[*Export]()

// memory keeps the Go memory where it is until Python is done with it. C knows it by a handle, so
// that it does not depend on the Export.
type memory struct {
	pin  runtime.Pinner
	self rtcgo.Handle

	mu       sync.Mutex // never taken by a thread that is attached
	released bool
	tell     []func() // run once it is released
}

// NewExport pins data, which has as many items as the shape says, in C order. Nil: C memory ran
// out.
func NewExport(data unsafe.Pointer, format string, itemSize int, shape []int,
	readOnly bool) *Export {
	m := &memory{}
	if data != nil {
		m.pin.Pin(data)
	}
	dims := make([]C.int64_t, 2*len(shape)+1) // has an address without dimensions too
	stride := itemSize
	for i := len(shape) - 1; i >= 0; i-- {
		dims[i], dims[len(shape)+i] = C.int64_t(shape[i]), C.int64_t(stride)
		stride *= shape[i]
	}
	letters := append([]byte(format), 0)
	m.self = rtcgo.NewHandle(m)
	// Pinned, it keeps its address; as a number it may lie beside pointers to other Go memory.
	p := C.py_export_new(C.uint64_t(m.self), C.uint64_t(uintptr(data)), toInt(readOnly),
		(*C.char)(unsafe.Pointer(&letters[0])), C.int64_t(itemSize), C.int(len(shape)), &dims[0])
	if p == nil {
		m.release()
		return nil
	}
	e := &Export{p: p, mem: m}
	e.cleanup = runtime.AddCleanup(e, func(m *memory) {
		if C.py_export_drop(p) != 0 {
			m.release()
		}
	}, m)
	return e
}

// Drop leaves the memory to the objects that Python has of it. The Export is not to be used again.
func (e *Export) Drop() {
	e.cleanup.Stop()
	if C.py_export_drop(e.p) != 0 {
		e.mem.release()
	}
}

// Address is what names it in an encoded value.
func (e *Export) Address() uint64 { return uint64(uintptr(unsafe.Pointer(e.p))) }

// Close sees that Python gets no view any more, and gives the memory up if it has none; else the
// last view does. It returns the number of views.
func (e *Export) Close() int {
	var views C.int64_t
	if C.py_export_close(e.p, &views) != 0 {
		e.mem.release()
	}
	runtime.KeepAlive(e)
	return int(views)
}

// Views is the number of views that Python has.
func (e *Export) Views() int {
	defer runtime.KeepAlive(e)
	return int(C.py_export_views(e.p))
}

// OnRelease has fn called, on a goroutine of its own, once the memory is Go's alone.
func (e *Export) OnRelease(fn func()) {
	m := e.mem
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.released {
		go fn()
		return
	}
	m.tell = append(m.tell, fn)
}

func (m *memory) release() {
	m.self.Delete()
	m.pin.Unpin()
	m.mu.Lock()
	tell := m.tell
	m.released, m.tell = true, nil
	m.mu.Unlock()
	for _, fn := range tell {
		go fn()
	}
}

// Exports is how many there are in C, closed ones that Python still refers to among them.
func Exports() int { return int(C.py_export_count()) }

// The thread is attached: nothing is done here that could wait.
//
//export go_export_released
func go_export_released(handle C.uint64_t) {
	go rtcgo.Handle(handle).Value().(*memory).release()
}

// The Export stays reachable from the encoder: the address must be good until C has read it.
func encodeExport(e *Encoder, v reflect.Value, _ int) error {
	if e.Ref == nil {
		return errors.New("a Buffer has no meaning here")
	}
	x := v.Interface().(*Export)
	if e.Marks != nil {
		return e.share(x)
	}
	e.Exports = append(e.Exports, x)
	e.word(tagBuffer, x.Address())
	return nil
}

// share is for another process, where the address is of something else.
func (e *Encoder) share(x *Export) error {
	if x.Far == nil || e.Share == nil {
		return errors.New("a Buffer over memory of this process cannot cross to another: take " +
			"pyhost.SharedBuffer, or a slice, which is copied")
	}
	p, err := e.Share(x.Far)
	if err != nil {
		return err
	}
	e.word(tagBuffer, uint64(p))
	e.mark()
	return nil
}
