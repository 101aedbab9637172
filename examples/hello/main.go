// Hello runs Python inside a Go program.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	cli.Parse("Hello runs Python inside a Go program. It takes no arguments.")
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	name, err := pyhost.Call[string](context.Background(), rt, "platform.python_version")
	fmt.Println("Hello from Python", name, err)
}
