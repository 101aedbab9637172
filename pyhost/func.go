package pyhost

import (
	"context"
	"fmt"
	"reflect"
)

// Call calls a function of any kind of runtime, and returns its result as a T. See [Runtime.Call].
func Call[T any](ctx context.Context, r Runner, name string, args ...any) (T, error) {
	var out T
	err := r.Call(ctx, name, &out, args...)
	return out, err
}

// Eval evaluates an expression in any kind of runtime, and returns its value as a T. A struct is
// filled by the names of its tags, as in `py:"name"`, or of its fields, to the letter: a key that
// no field has is passed over.
func Eval[T any](ctx context.Context, r Runner, expr string, in ...Scope) (T, error) {
	var out T
	err := r.Eval(ctx, expr, &out, in...)
	return out, err
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
	noError     = reflect.Zero(errorType)
)

// Func makes a Go function of a Python one. F is a function type; its first parameter may be a
// context.Context, its last result must be an error, and it may have one more result before that. A
// variadic F passes its last arguments one by one. The name is looked up at each call.
//
//	gcd, err := pyhost.Func[func(ctx context.Context, a, b int) (int, error)](rt, "math.gcd")
func Func[F any](r Runner, name string) (F, error) {
	var f F
	t := reflect.TypeFor[F]()
	if err := checkFunc(t); err != nil {
		return f, fmt.Errorf("pyhost: Func[%s]: %w", t, err)
	}
	fn := reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		return callAs(r, name, t, in)
	})
	return fn.Interface().(F), nil
}

func checkFunc(t reflect.Type) error {
	if t.Kind() != reflect.Func {
		return fmt.Errorf("not a function type")
	}
	n := t.NumOut()
	if n < 1 || n > 2 || t.Out(n-1) != errorType {
		return fmt.Errorf("results must be error, or one value and error")
	}
	return nil
}

func callAs(r Runner, name string, t reflect.Type, in []reflect.Value) []reflect.Value {
	ctx := context.Background()
	if t.NumIn() > 0 && t.In(0) == contextType {
		ctx, _ = in[0].Interface().(context.Context)
		in = in[1:]
	}
	args := make([]any, 0, len(in))
	for i, v := range in {
		if t.IsVariadic() && i == len(in)-1 {
			for j := range v.Len() {
				args = append(args, v.Index(j).Interface())
			}
			break
		}
		args = append(args, v.Interface())
	}
	var out any
	res := make([]reflect.Value, t.NumOut())
	if len(res) == 2 {
		p := reflect.New(t.Out(0))
		out, res[0] = p.Interface(), p.Elem()
	}
	err := noError
	if e := r.Call(ctx, name, out, args...); e != nil {
		err = reflect.New(errorType).Elem()
		err.Set(reflect.ValueOf(e))
	}
	res[len(res)-1] = err
	return res
}
