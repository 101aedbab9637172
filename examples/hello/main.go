// Hello runs Python inside a Go program.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	s, err := pyhost.Eval[string](context.Background(), rt, "'Hello from Python ' + __import__('sys').version")
	fmt.Println(s, err)
}
