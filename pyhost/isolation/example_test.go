package isolation_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/isolation"
)

// The kind of runtime is a constant. (A program that has opened no main interpreter leaves Main
// out.)
func ExampleStart() {
	const kind = isolation.Processes // or Goroutines, SharedGIL, OwnGIL, Auto
	ctx := context.Background()
	rts, err := isolation.Start(ctx, isolation.Config{
		Isolation: kind,
		Main:      mainRT,
		Modules:   []string{"statistics"},
		Size:      2,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer rts.Close()
	samples := slices.Values([][]int{{1, 2, 3}, {4, 6}})
	for mean, err := range pyhost.Map[float64](ctx, rts, "statistics.mean", samples) {
		fmt.Println(mean, err)
	}
	// Output:
	// 2 <nil>
	// 5 <nil>
}
