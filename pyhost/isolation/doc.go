// Package isolation starts Python runtimes of a kind that is a setting: goroutines on the main
// interpreter, sub-interpreters with a GIL that they share or with GILs of their own, or processes.
// A program moves from one to another by a constant, and nothing else in it changes:
//
//	rts, err := isolation.Start(ctx, isolation.Config{
//		Isolation: isolation.OwnGIL,
//		Modules:   []string{"json", "decimal"},
//		Setup:     "import model",
//	})
//	score, err := pyhost.Call[float64](ctx, rts, "model.score", item)
//
// [Auto] chooses: see [Config]. What the kinds have in common, and what not:
//
//	kind        Python in parallel     memory              a crash takes down
//	Goroutines  with no GIL only       one, objects too    the program
//	SharedGIL   no                     one, own objects    the program
//	OwnGIL      yes, from 3.13 on      one, own objects    the program
//	Processes   yes                    each its own        one worker and its calls
//
// Each call goes to any runtime that is idle, so what a call leaves behind in Python the next one
// may not find, but for Goroutines, where there is one runtime. [Runtimes.Each] and Config.Setup
// are for what all shall have.
package isolation
