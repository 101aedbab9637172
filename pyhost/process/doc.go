// Package process runs Pythons in processes of their own, each with its GIL, its memory and its
// crashes: for packages that refuse sub-interpreters, as numpy and torch do, for parallel work with
// them, and to keep a segmentation fault out of the program.
//
// A [Runtime] is a pyhost.Runner like the others: calls, values, errors with their tracebacks,
// deadlines and cancellation are the same. A [Pool] runs calls on several. The worker is this
// program, started once more: importing the package is enough, its init takes over there before
// main runs.
//
// # What is different
//
// Values cross through a socket, and through shared memory where they are long: a call takes some
// tens of microseconds, two copies more for a long value. Objects without a value form stay in the
// worker and come back as a *pyhost.Ref, which ends with it. A pyhost.Object cannot cross. Of
// buffers, those of pyhost.SharedBuffer can: nothing is copied, both sides have the same memory.
//
// Go functions that Python in a worker calls, as arguments or members of a module, run in the
// program, each call on a goroutine of its own, with the context of the call that led there; it
// ends with the worker too. What they return and their errors cross as in process; errors.Is finds
// the same error. Functions that take a *pyhost.Thread cannot be called from there. One that goes
// on after its context has ended is left to itself, and Python is cancelled without it. Sequences,
// channels and pyhost.File cross item by item and read by read: a call each.
//
// A worker that ends takes the calls that it runs with it: they get an [*ExitError], and a new
// worker takes its place, in which Setup has run, and nothing else. How far such a call had come
// nobody knows; [WithRetry] has it made again. Calls that wait are not lost.
//
// A call that does not stop when its context ends is abandoned, and its worker is replaced.
//
// # Containment
//
// The kernel kills a worker when the program ends, even by kill -9. A worker has no descriptors of
// the program but its streams, a process group of its own, the environment that Config.Inherit
// leaves, and what Config.Limits leaves. It is no sandbox: it has the rights of the program.
// Processes that a worker has started end with it, but not when the program is killed.
//
// Standard input of a worker is empty. The kernel takes it for what computes (SCHED_BATCH), with
// the program's share of the processor; what Python starts there inherits that. Linux only.
package process
