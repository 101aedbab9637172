//go:build gopython3

// Half is the program on its way: pyhost starts and ends Python, and what looks after threads, the
// GIL and exceptions is gone. The function that works on objects is as it was.
package main

import (
	"context"
	"fmt"
	"log"
	"sync"

	python3 "github.com/DataDog/go-python3"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/migrate"
	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
)

func main() {
	cli.Parse("Half is the program on its way to pyhost. It takes no arguments.")
	ctx := context.Background()
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	if err := rt.Exec(ctx, migrate.Source); err != nil {
		log.Fatal(err)
	}

	lines := make([]string, len(migrate.Texts))
	var all sync.WaitGroup
	for i, text := range migrate.Texts {
		all.Go(func() { lines[i] = migrate.Line(attached(ctx, rt, text, 2)) })
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
}

func attached(ctx context.Context, rt *pyhost.Runtime, text string, most int) (
	words []migrate.Word, err error) {
	err = gopython3.Do(ctx, rt, func() error {
		count := python3.PyImport_AddModule("__main__").GetAttrString("count")
		defer count.DecRef()
		words = commonest(count, text, most)
		return nil
	})
	return words, err
}

func commonest(count *python3.PyObject, text string, most int) []migrate.Word {
	t, n := python3.PyUnicode_FromString(text), python3.PyLong_FromGoInt(most)
	defer t.DecRef()
	defer n.DecRef()
	list := count.CallFunctionObjArgs(t, n)
	if list == nil {
		return nil // the exception that is set is the error of Do
	}
	defer list.DecRef()
	words := make([]migrate.Word, python3.PyList_Size(list))
	for i := range words {
		pair := python3.PyList_GetItem(list, i) // borrowed, as its items are
		words[i].Text = python3.PyUnicode_AsUTF8(python3.PyTuple_GetItem(pair, 0))
		words[i].Times = python3.PyLong_AsLong(python3.PyTuple_GetItem(pair, 1))
	}
	return words
}
