//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func ExampleStart() {
	ctx := context.Background()
	rt, err := process.Start(ctx, process.Config{Setup: "def area(r): return 3 * r * r"})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	area, err := pyhost.Call[float64](ctx, rt, "area", 2)
	fmt.Println(area, err)
	// Output: 12 <nil>
}

func ExampleNewPool() {
	ctx := context.Background()
	pool, err := process.NewPool(ctx, process.PoolConfig{
		Config: process.Config{Limits: process.Limits{Memory: 1 << 30}},
		Size:   2, MaxCalls: 10_000, MaxAge: time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	words := slices.Values([]string{"some", "words"})
	for word, err := range pyhost.Map[string](ctx, pool, "str.upper", words) {
		fmt.Println(word, err)
	}
	// Output:
	// SOME <nil>
	// WORDS <nil>
}

// A crash is an error of the call that ran.
func ExampleExitError() {
	ctx := context.Background()
	rt, err := process.Start(ctx, process.Config{Stderr: io.Discard})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	err = rt.Exec(ctx, "import ctypes; ctypes.string_at(0)")
	var exit *process.ExitError
	if errors.As(err, &exit) {
		fmt.Println(exit.Signal)
	}
	n, err := pyhost.Call[int](ctx, rt, "len", "the next worker")
	fmt.Println(n, err)
	// Output:
	// segmentation fault
	// 15 <nil>
}

// A call that may be made twice outlives its worker.
func ExampleWithRetry() {
	ctx := process.WithRetry(context.Background(), 2)
	rt, err := process.Start(ctx, process.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	fmt.Println(pyhost.Call[int](ctx, rt, "abs", -3))
	// Output: 3 <nil>
}
