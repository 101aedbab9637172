//go:build gopython3

package main

import (
	"errors"
	"runtime"

	python3 "github.com/DataDog/go-python3"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
)

func init() {
	openGoPython3, openGoPython3Held, openBridge = openDocumented, openHeld, openInDo
}

// direct is go-python3. do runs a function that uses it, attached, by one of the ways there are.
type direct struct {
	do               func(fn func() error) error
	add, back, upper *python3.PyObject
}

var errRaised = errors.New("an exception was raised")

// openDocumented puts a pair of Ensure and Release around each use, as its documentation says. A
// thread of its own starts Python, as a program's main goroutine would, and then waits: for that
// one Python keeps a state, for any other it has to make one each time.
func openDocumented(b *bench) (worker, error) {
	d := direct{do: func(fn func() error) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		gil := python3.PyGILState_Ensure()
		defer python3.PyGILState_Release(gil)
		return fn()
	}}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		python3.Py_Initialize()
		err := d.load(b.dir)
		python3.PyEval_SaveThread()
		done <- err
		select {}
	}()
	return &d, <-done
}

// openHeld has the goroutine hold the GIL all along: no other can use Python.
func openHeld(b *bench) (worker, error) {
	d := direct{do: func(fn func() error) error { return fn() }}
	runtime.LockOSThread()
	python3.Py_Initialize()
	return &d, d.load(b.dir)
}

// openInDo is go-python3 inside this library.
func openInDo(b *bench) (worker, error) {
	rt, err := pyhost.Open(pyhost.Config{Python: b.python})
	if err != nil {
		return nil, err
	}
	d := direct{do: func(fn func() error) error { return gopython3.Do(ctx, rt, fn) }}
	return &d, d.do(func() error { return d.load(b.dir) })
}

// load imports work.py. It is attached.
func (d *direct) load(dir string) error {
	folder := python3.PyUnicode_FromString(dir)
	defer folder.DecRef()
	python3.PyList_Insert(python3.PySys_GetObject("path"), 0, folder)
	work := python3.PyImport_ImportModule("work")
	if work == nil {
		return errRaised
	}
	defer work.DecRef()
	d.add = work.GetAttrString("add")
	d.back = work.GetAttrString("back")
	d.upper = work.GetAttrString("upper")
	return nil
}

// call calls fn, attached, and takes the result. args are given back.
func (d *direct) call(fn *python3.PyObject, take func(*python3.PyObject),
	args ...*python3.PyObject) error {
	r := fn.CallFunctionObjArgs(args...)
	for _, a := range args {
		a.DecRef()
	}
	if r == nil {
		return errRaised
	}
	defer r.DecRef()
	take(r)
	return nil
}

func (d *direct) Add(a, b int) (n int, err error) {
	err = d.do(func() error {
		return d.call(d.add, func(r *python3.PyObject) { n = python3.PyLong_AsLong(r) },
			python3.PyLong_FromGoInt(a), python3.PyLong_FromGoInt(b))
	})
	return n, err
}

func (d *direct) List(values []int) (out []int, err error) {
	err = d.do(func() error {
		in := python3.PyList_New(len(values))
		for i, v := range values {
			python3.PyList_SetItem(in, i, python3.PyLong_FromGoInt(v)) // takes the reference
		}
		return d.call(d.back, func(r *python3.PyObject) {
			out = make([]int, python3.PyList_Size(r))
			for i := range out {
				out[i] = python3.PyLong_AsLong(python3.PyList_GetItem(r, i))
			}
		}, in)
	})
	return out, err
}

func (d *direct) Dict(values map[string]int) (out map[string]int, err error) {
	err = d.do(func() error {
		in := python3.PyDict_New()
		for k, v := range values {
			value := python3.PyLong_FromGoInt(v)
			python3.PyDict_SetItemString(in, k, value)
			value.DecRef()
		}
		return d.call(d.back, func(r *python3.PyObject) { out = readDict(r) }, in)
	})
	return out, err
}

func readDict(dict *python3.PyObject) map[string]int {
	out := make(map[string]int, python3.PyDict_Size(dict))
	keys := python3.PyDict_Keys(dict)
	defer keys.DecRef()
	for i := range python3.PyList_Size(keys) {
		k := python3.PyList_GetItem(keys, i)
		out[python3.PyUnicode_AsUTF8(k)] = python3.PyLong_AsLong(python3.PyDict_GetItem(dict, k))
	}
	return out
}

func (d *direct) Text(text string) (out string, err error) {
	err = d.do(func() error {
		return d.call(d.upper, func(r *python3.PyObject) { out = python3.PyUnicode_AsUTF8(r) },
			python3.PyUnicode_FromString(text))
	})
	return out, err
}

// Close leaves Python to the end of the process.
func (d *direct) Close() error { return nil }
