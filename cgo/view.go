package cgo

// #include "host.h"
import "C"

import "unsafe"

// View is memory of Python that Go sees, from ObjView until Close.
type View struct{ p *C.struct_py_view }

// View is what ObjView gave. The caller owns it.
func (f *Frame) View() View { return View{*(**C.struct_py_view)(unsafe.Pointer(&f.c.obj))} }

// Format is that of the struct module.
func (v View) Format() string {
	if v.p.b.format == nil {
		return "B"
	}
	return C.GoString(v.p.b.format)
}

// Len is the number of bytes of all items together.
func (v View) Len() int { return int(v.p.b.len) }

// ItemSize is the number of bytes of an item.
func (v View) ItemSize() int { return int(v.p.b.itemsize) }

// ReadOnly tells whether Python wants it unchanged.
func (v View) ReadOnly() bool { return v.p.b.readonly != 0 }

// Contiguous tells whether the items lie side by side, in C order.
func (v View) Contiguous() bool { return v.p.contiguous != 0 }

// Data is where the items are, if they are contiguous. Not for after Close.
func (v View) Data() unsafe.Pointer { return v.p.b.buf }

// Dims gives the shape, and by how many bytes the next item of each dimension is off.
func (v View) Dims() (shape, strides []int) {
	b, n := &v.p.b, int(v.p.b.ndim)
	shape, strides = make([]int, n), make([]int, n)
	step := v.ItemSize()
	for i := n - 1; i >= 0; i-- {
		shape[i] = at(b.shape, i, v.Len()/max(1, v.ItemSize()))
		strides[i] = at(b.strides, i, step)
		step *= shape[i]
	}
	return shape, strides
}

// at: an exporter may leave out what is plain.
func at(p *C.Py_ssize_t, i, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return int(unsafe.Slice(p, i+1)[i])
}

// CopyView copies the items, in C order, while attached by the frame `thread`.
func (in *Interp) CopyView(thread, f *Frame, v View, to []byte) Status {
	p, _ := data(to)
	return Status(C.py_view_copy(&thread.c, &f.c, v.p, unsafe.Pointer(p)))
}

// Close gives the view back: at once if the caller is attached, else at the next attach. Any
// goroutine, once; after the end of the interpreter too.
func (v View) Close() { C.py_view_close(v.p) }

// Views is the number of views that Go holds.
func (in *Interp) Views() int { return int(C.py_view_count(in.p)) }
