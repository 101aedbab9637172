package pyhost_test

import (
	"context"
	"fmt"

	"github.com/pyhost/pyhost/pyhost"
)

func ExampleObject() {
	err := rt.Do(context.Background(), func(th *pyhost.Thread) error {
		counts, err := th.NewDict("b", 2, "a", 1)
		if err != nil {
			return err
		}
		if err := counts.SetItem("c", 3); err != nil {
			return err
		}
		keys, err := counts.Call("keys")
		if err != nil {
			return err
		}
		for key, err := range keys.Iter() {
			if err != nil {
				return err
			}
			fmt.Println(key)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// b
	// a
	// c
	// <nil>
}

func ExampleObject_Binary() {
	err := rt.Do(context.Background(), func(th *pyhost.Thread) error {
		date, err := th.Lookup("datetime.date")
		if err != nil {
			return err
		}
		start, err := date.Call("", 2024, 2, 1)
		if err != nil {
			return err
		}
		end, err := date.Call("", 2024, 3, 1)
		if err != nil {
			return err
		}
		days, err := end.Binary("-", start)
		if err != nil {
			return err
		}
		later, err := end.Compare(">", start)
		fmt.Println(days, later)
		return err
	})
	fmt.Println(err)
	// Output:
	// 29 days, 0:00:00 true
	// <nil>
}

// Each round gives back what it made, so that a long loop holds no more than a short one.
func ExampleThread_Scope() {
	err := rt.Do(context.Background(), func(th *pyhost.Thread) error {
		var longest *pyhost.Object
		err := th.Scope(func() error {
			words, err := th.Eval("'the words of a sentence'.split()")
			if err != nil {
				return err
			}
			length, err := th.Builtin("len")
			if err != nil {
				return err
			}
			builtins, err := th.Import("builtins")
			if err != nil {
				return err
			}
			word, err := builtins.Call("max", words, pyhost.Kw{"key": length})
			if err != nil {
				return err
			}
			longest, err = word.Escape()
			return err
		})
		fmt.Println(longest)
		return err
	})
	fmt.Println(err)
	// Output:
	// sentence
	// <nil>
}

func ExampleThread_Exec() {
	ctx := context.Background()
	ns, err := rt.NewNamespace(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ns.Close()
	err = rt.Do(ctx, func(th *pyhost.Thread) error {
		in := pyhost.Scope{Namespace: ns}
		if err := th.Exec("def double(x): return 2 * x", in); err != nil {
			return err
		}
		twice, err := th.Eval("double(21)", in)
		fmt.Println(twice)
		return err
	})
	fmt.Println(err)
	// Output:
	// 42
	// <nil>
}

func ExampleObject_Keep() {
	ctx := context.Background()
	var pattern *pyhost.Ref
	err := rt.Do(ctx, func(th *pyhost.Thread) error {
		re, err := th.Import("re")
		if err != nil {
			return err
		}
		compiled, err := re.Call("compile", `\d+`)
		if err != nil {
			return err
		}
		pattern = compiled.Keep()
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pattern.Close()
	var found []string
	err = rt.Call(ctx, "re.findall", &found, pattern, "1 and 22")
	fmt.Println(found, err)
	// Output: [1 22] <nil>
}
