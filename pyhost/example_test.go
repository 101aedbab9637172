package pyhost_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// In these examples rt is the runtime that pyhost.Open gave at the start of the program.

func ExampleCall() {
	n, err := pyhost.Call[int](context.Background(), rt, "math.gcd", 12, 18)
	fmt.Println(n, err)
	// Output: 6 <nil>
}

func ExampleRuntime_Call() {
	var text string
	err := rt.Call(context.Background(), "json.dumps", &text,
		map[string]any{"a": []int{1, 2}}, pyhost.Kw{"separators": pyhost.Tuple{",", ":"}})
	fmt.Println(text, err)
	// Output: {"a":[1,2]} <nil>
}

func ExampleRuntime_Exec() {
	ctx := context.Background()
	ns, err := rt.NewNamespace(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ns.Close()
	scope := pyhost.Scope{File: "circle.py", Namespace: ns}
	err = rt.Exec(ctx, "import math\ndef area(r): return math.pi * r * r", scope)
	if err != nil {
		fmt.Println(err)
		return
	}
	area, err := pyhost.Eval[float64](ctx, rt, "area(2)", scope)
	fmt.Printf("%.3f %v\n", area, err)
	// Output: 12.566 <nil>
}

func ExampleFunc() {
	type gcd = func(ctx context.Context, a, b int) (int, error)
	f, err := pyhost.Func[gcd](rt, "math.gcd")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f(context.Background(), 12, 18))
	// Output: 6 <nil>
}

func ExampleRuntime_Do() {
	var days int
	err := rt.Do(context.Background(), func(th *pyhost.Thread) error {
		calendar, err := th.Import("calendar")
		if err != nil {
			return err
		}
		leap, err := calendar.Call("leapdays", 2000, 2024)
		if err != nil {
			return err
		}
		return leap.Decode(&days)
	})
	fmt.Println(days, err)
	// Output: 6 <nil>
}

func ExamplePythonError() {
	err := rt.Call(context.Background(), "json.loads", nil, "{")
	var pe *pyhost.PythonError
	fmt.Println(errors.As(err, &pe), errors.Is(err, pyhost.ValueError), pe.Type)
	// Output: true true json.decoder.JSONDecodeError
}

func ExampleCancelError() {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	err := rt.Exec(ctx, "while True: pass")
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output: true
}
