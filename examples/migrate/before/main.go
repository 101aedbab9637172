//go:build gopython3

// Before is a program as it is written against go-python3 alone.
package main

import (
	"errors"
	"fmt"
	"log"
	"runtime"
	"sync"

	python3 "github.com/DataDog/go-python3"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/migrate"
	_ "github.com/pyhost/pyhost/pyhost/gopython3" // what newer Pythons lack of 3.7
)

func main() {
	cli.Parse("Before is the program as it is written against go-python3. It takes no arguments.")
	runtime.LockOSThread() // Python must be finalized where it was initialized
	python3.Py_Initialize()
	if python3.PyRun_SimpleString(migrate.Source) != 0 {
		log.Fatal("words.py does not run")
	}
	count := python3.PyImport_AddModule("__main__").GetAttrString("count")
	state := python3.PyEval_SaveThread()

	lines := make([]string, len(migrate.Texts))
	var all sync.WaitGroup
	for i, text := range migrate.Texts {
		all.Go(func() { lines[i] = migrate.Line(attached(count, text, 2)) })
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}

	python3.PyEval_RestoreThread(state)
	count.DecRef()
	python3.Py_Finalize()
}

func attached(count *python3.PyObject, text string, most int) ([]migrate.Word, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gil := python3.PyGILState_Ensure()
	defer python3.PyGILState_Release(gil)
	return commonest(count, text, most)
}

func commonest(count *python3.PyObject, text string, most int) ([]migrate.Word, error) {
	t, n := python3.PyUnicode_FromString(text), python3.PyLong_FromGoInt(most)
	defer t.DecRef()
	defer n.DecRef()
	list := count.CallFunctionObjArgs(t, n)
	if list == nil {
		return nil, exception()
	}
	defer list.DecRef()
	words := make([]migrate.Word, python3.PyList_Size(list))
	for i := range words {
		pair := python3.PyList_GetItem(list, i) // borrowed, as its items are
		words[i].Text = python3.PyUnicode_AsUTF8(python3.PyTuple_GetItem(pair, 0))
		words[i].Times = python3.PyLong_AsLong(python3.PyTuple_GetItem(pair, 1))
	}
	return words, nil
}

func exception() error {
	typ, value, traceback := python3.PyErr_NormalizeException(python3.PyErr_Fetch())
	name, text := typ.GetAttrString("__name__"), value.Str()
	for _, o := range []*python3.PyObject{typ, value, traceback, name, text} {
		defer o.DecRef()
	}
	return errors.New(python3.PyUnicode_AsUTF8(name) + ": " + python3.PyUnicode_AsUTF8(text))
}
