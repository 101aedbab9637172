// After is the program when it has moved: values cross by themselves, and any Python will do.
package main

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/examples/migrate"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	cli.Parse("After is the program when it has moved to pyhost. It takes no arguments.")
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
		all.Go(func() {
			lines[i] = migrate.Line(pyhost.Call[[]migrate.Word](ctx, rt, "count", text, 2))
		})
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
}
