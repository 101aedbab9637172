package pyhost

import "fmt"

// Unclosed are Refs, or Namespaces, that one place of the program has made and never closed.
type Unclosed struct {
	Open      int    // still open
	Collected int    // let go of by Go's collector
	Stack     string // of the goroutine that made them: "function\n\tfile:line\n" and so on
}

func (u Unclosed) String() string {
	return fmt.Sprintf("%d open, %d collected, made by\n%s", u.Open, u.Collected, u.Stack)
}

// Unclosed lists the Refs and Namespaces of the runtime that were never closed, by the places that
// made them, the most first; after Close too. Only a program built with the tag pydebug keeps
// account of them, and prints the list to the standard error at Close; others get none. Any
// goroutine may call it.
func (rt *Runtime) Unclosed() []Unclosed { return rt.origins.list() }
