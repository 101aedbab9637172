package pyhost

import "errors"

// Errors of the runtime itself. Errors of Python code are *[PythonError].
var (
	// ErrClosed: the runtime is closed, or closing.
	ErrClosed = errors.New("pyhost: runtime is closed")
	// ErrFinalized: Python was started and finished in this process; it cannot be started twice.
	ErrFinalized = errors.New("pyhost: Python cannot be started twice in a process")
	// ErrOpen: the main interpreter is open already.
	ErrOpen = errors.New("pyhost: the main interpreter is open already")
	// ErrReleased: a Thread after its Release, or an Object after its Thread's.
	ErrReleased = errors.New("pyhost: thread is released")
	// ErrWrongThread: a Thread used by another goroutine than its own, or inside Thread.Detach.
	ErrWrongThread = errors.New("pyhost: thread is not attached on this goroutine")
	// ErrScopeEnded: an Object after the end of the Scope, or of the round of Iter, it was made in.
	ErrScopeEnded = errors.New("pyhost: the scope of the object has ended")
	// ErrNoObject: a nil Object, or one that no Thread has made.
	ErrNoObject = errors.New("pyhost: no object")
	// ErrNoThread: a nil Thread, or one that no Runtime has made.
	ErrNoThread = errors.New("pyhost: no thread")
	// ErrNotLast: a Thread released before one that its goroutine acquired later.
	ErrNotLast = errors.New("pyhost: a later Thread of this goroutine is not released")
	// ErrOtherRuntime: an object of one runtime used in another.
	ErrOtherRuntime = errors.New("pyhost: object belongs to another runtime")
	// ErrOverlap: another View that may be written to has some of the memory, and is not released.
	ErrOverlap = errors.New("pyhost: another writable View of this memory is not released")
	// ErrInUse: Python still has views of a Buffer.
	ErrInUse = errors.New("pyhost: Python has views of the buffer")
	// ErrNilContext: a nil context.
	ErrNilContext = errors.New("pyhost: nil context")
	// ErrNoMemory: C memory ran out.
	ErrNoMemory = errors.New("pyhost: out of memory")
)
