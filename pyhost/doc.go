// Package pyhost runs CPython inside a Go program. A [Runtime] is one interpreter, and any
// goroutine may use it at any time.
//
// # Threads and the GIL
//
// A call attaches the OS thread that the goroutine happens to be on, holds the GIL while it runs
// Python, and detaches before it returns. Goroutines that find others there wait in Go, first in,
// first out: at most Config.MaxThreads are inside at once, and one of them at a time waits for the
// GIL. As soon as code lets the GIL go, for I/O or in a long computation of C code, the next gets
// in.
//
// [Runtime.Do] and [Runtime.Acquire] keep the goroutine attached, for work with Python objects. Go
// code that waits while it is attached keeps everybody else out of Python: use [Thread.Detach]
// around it.
//
// # Values
//
// Values are copied, whole graphs in one crossing.
//
//	Go                              Python   back into any
//	nil, nil pointer, slice or map  None     nil
//	bool                            bool     bool
//	ints, *big.Int                  int      int64, *big.Int where that is too small
//	float32, float64                float    float64
//	string                          str      string; bytes that are no UTF-8 by surrogateescape
//	[]byte                          bytes    []byte, of a bytearray too
//	slice, array                    list     []any
//	[Tuple]                         tuple    [Tuple]
//	map                             dict     map[string]any, map[any]any where a key is no str
//	struct                          dict     from a dict into a struct only
//	*[Object], *[Ref]               itself   *[Ref] for anything else
//
// The names of struct fields are those of the tag `py:"name,omitempty"`, else the field's own.
// Decoding into a typed target checks range and type. Values nested deeper than 1,000 levels are an
// error.
//
// # Cancellation
//
// A call ends with its context, as [CancelError] tells. The exception that stops Python code may
// come between any two bytecodes, in a finally block too, as KeyboardInterrupt may: code that must
// not be stopped half-way should be called with a context that does not end.
//
// # What is shared
//
// The process is: environment, current folder, locale, umask, file descriptors. Python's signal
// handlers are not installed. os.fork and faulthandler.enable are refused, with a way out.
package pyhost
