//go:build gopython3

package gopython3_test

import (
	"errors"
	"fmt"

	python3 "github.com/DataDog/go-python3"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/gopython3"
)

// A function that was written against go-python3. What it leaves set is the error of Do.
func ExampleDo() {
	count := func(module, name string) (n int) {
		m := python3.PyImport_ImportModule(module)
		if m == nil {
			return 0
		}
		defer m.DecRef()
		list := m.GetAttrString(name)
		if list == nil {
			return 0
		}
		defer list.DecRef()
		return list.Length()
	}
	for _, name := range []string{"hexdigits", "romandigits"} {
		var n int
		err := gopython3.Do(bg, mainRT, func() error {
			n = count("string", name)
			return nil
		})
		fmt.Println(n, err, errors.Is(err, pyhost.AttributeError))
	}
	// Output:
	// 22 <nil> false
	// 0 AttributeError: module 'string' has no attribute 'romandigits' true
}

// One half of the work is go-python3's, the other pyhost's.
func ExampleObject() {
	err := mainRT.Do(bg, func(th *pyhost.Thread) error {
		list := python3.PyList_New(0)
		defer list.DecRef() // still the caller's: Object takes a reference of its own
		if _, err := gopython3.Object(th, list).Call("extend", []string{"b", "a"}); err != nil {
			return err
		}
		return gopython3.Do(bg, mainRT, func() error {
			python3.PyList_Sort(list)
			fmt.Println(python3.PyUnicode_AsUTF8(python3.PyList_GetItem(list, 0)))
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// a
	// <nil>
}

func ExamplePyObject() {
	err := mainRT.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(map[string]int{"a": 1})
		if err != nil {
			return err
		}
		dict := gopython3.PyObject(o) // borrowed
		fmt.Println(python3.PyDict_Check(dict), python3.PyDict_Size(dict))
		return nil
	})
	fmt.Println(err)
	// Output:
	// true 1
	// <nil>
}
