package cgo

// #include "host.h"
import "C"

import "unsafe"

// Marks are the places of numbers that mean something else in another process.
type Marks struct {
	Refs []int // of what Ref and Class gave
	Gos  []int // of functions and values of Go, behind their tags
	Fars []Far // of blobs that were left where they are
}

// Far is a blob that was left where it is.
type Far struct {
	At   int // where its address stands, its length behind it
	Data []byte
}

// mark notes where the number of something of Go stands, which was just appended.
func (e *Encoder) mark() {
	if e.Marks != nil {
		e.Marks.Gos = append(e.Marks.Gos, len(e.Buf)-8)
	}
}

const farMin = C.PY_FAR_MIN

// far leaves a blob where it is.
func (e *Encoder) far(t byte, p *byte, n int) {
	e.Buf = append(e.Buf, tagFar, t)
	if e.Marks != nil {
		e.Marks.Fars = append(e.Marks.Fars, Far{len(e.Buf), unsafe.Slice(p, n)})
	} else {
		e.Pin.Pin(p)
		e.Pinned = true
	}
	e.Number(uint64(uintptr(unsafe.Pointer(p))))
	e.Number(uint64(n))
}

// apart: large blobs are left where they are.
func (e *Encoder) apart(n int) bool { return n >= farMin && (e.Pin != nil || e.Marks != nil) }

// ref appends the number of an object.
func (e *Encoder) ref(p Ptr) {
	e.word(tagRef, uint64(p))
	if e.Marks != nil {
		e.Marks.Refs = append(e.Marks.Refs, len(e.Buf)-8)
	}
}
