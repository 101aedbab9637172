// Package pyhost runs CPython inside a Go program. A [Runtime] is one interpreter, and any
// goroutine may use it at any time.
//
// Close and Release of a nil pointer do nothing, and give no error: they may be deferred before the
// error of what makes the value is looked at.
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
// On a free-threaded build all who are inside run at once, and a list or dict that crosses is read
// as it was at one moment. An extension module that needs the GIL turns it on for good: [Info]
// tells. An object whose last reference goes on another OS thread than its own is freed by a
// collection, a second or two after the last call, or every ten seconds while there are calls:
// gc.collect() frees it at once, gc.disable() keeps it, and so do sub-interpreters. The
// free-threaded 3.13 never frees functions, classes, modules and string constants, once they are
// made: 3.14 does.
//
// # Objects
//
// An [Object] stands for a Python object inside Do: attributes, items, calls, operators, iteration
// and comparison, one crossing each. Nothing is given back by hand: an Object lives until the
// [Thread.Scope] that it was made in ends, or else until the Thread is released. A loop that makes
// many has a Scope around its body; [Object.Iter] has one around each round. [Object.Escape]
// carries an Object one Scope outwards, [Object.Keep] makes a [Ref], which any goroutine may use
// at any time. An Object used where it cannot be is an error, such as [ErrScopeEnded].
//
// # Values
//
// Values are copied, whole graphs in one crossing. From Go to Python and back into a target of type
// any:
//
//	Go                              Python             back into any
//	nil, nil pointer, slice or map  None               nil
//	bool                            bool               bool
//	ints, *big.Int                  int                int64, *big.Int where that is too small
//	float32, float64                float              float64
//	complex64, complex128           complex            complex128
//	string                          str                string
//	[]byte, [N]byte                 bytes              []byte, of a bytearray too
//	slice, array                    list               []any
//	[Tuple]                         tuple              [Tuple]
//	[Set], map[K]struct{}           set                [Set], of a frozenset too
//	map                             dict               map[string]any; map[any]any where a key
//	                                                   is no str
//	struct                          dict               as a dict
//	struct of [Register]            instance           the struct
//	time.Time                       datetime, aware    time.Time, of a date or time too
//	time.Duration                   timedelta          time.Duration
//	*big.Rat                        Fraction           *Ref
//	[Decimal]                       Decimal            *Ref
//	[16]byte type called UUID       UUID               *Ref
//	encoding.TextMarshaler          str                string
//	[Marshaler]                     what it returns    as that
//	func, [Function]                a function         *Ref
//	iter.Seq, iter.Seq2, channel    generator          *Ref
//	[File]                          file object        *Ref
//	struct of a [Class]             instance           pointer to the struct
//	*[Buffer]                       memory, see below  *Ref
//	*[Object], *[Ref]               itself             *Ref for anything else
//	*[Namespace]                    its dict           as a dict
//
// A subclass of a built-in type is a value of that type: IntEnum, namedtuple, OrderedDict. A member
// of another enumeration stands for its value, a scalar of numpy for the Python number. Channels
// that cannot be received from and structs none of whose fields is exported have no Python form: an
// error.
//
// A typed target takes more than an any would, and checks range and type; what does not fit is an
// error that says where: "result[3].price: str into float64".
//
//	target                 takes
//	int, uint of any size  int in range
//	float32, float64       float, int
//	string                 str; os.PathLike, UUID, Decimal, Fraction as text
//	*big.Rat               int, float, Fraction, Decimal
//	[16]byte               bytes; UUID
//	[]T, [N]T              list, tuple, set; any iterable: range, dict views, generators;
//	                       arrays of numpy, array.array and memoryview, of n dimensions into
//	                       slices of slices
//	map[K]V                dict, any mapping
//	map[K]struct{}         set
//	struct                 dict, by key; an object, by attribute: dataclass, namedtuple;
//	                       a tuple of as many items, by place
//	[Unmarshaler]          what any would get
//	encoding.TextUnmarshaler  str
//	*[Ref]                 any object
//
// The names of struct fields are those of the tag `py:"name,omitempty"`, else the field's own;
// `py:"-"` leaves one out. They are matched to the letter, unlike those of encoding/json: a field
// Name takes the key or the attribute 'Name', and 'name' only with a tag `py:"name"`. Fields of
// embedded structs count as the outer one's. Keys that are no field are passed over, fields without
// a key stay as they are. A struct or an array that is a key of a map is a tuple in Python.
//
// What is lost: nanoseconds, for Python has microseconds; that a naive datetime had no zone: it is
// read as UTC, as is a date; the zone of a time.Time in time.Local, but for its offset; the order
// of a dict in a Go map, and that of a Go map anywhere; that a list was a subclass; that bytes came
// from a bytearray; that -0.0 was not 0 where ints are wanted. A time of day is on January 1 of
// year 1, Go's first. Bytes of a string that are no UTF-8 cross as lone surrogates, as Python's own
// file names do, and come back as they were. Two keys of a dict that are the same in Go are an
// error.
//
// A value may be nested 1,000 levels deep; one that goes deeper, as a cycle does, is an error.
//
// # Go in Python
//
// A func that is passed to Python, alone or as part of a value, can be called there: see
// [Function]. [Runtime.Module] makes an importable module of functions, constants and classes
// ([Class]). They are called on the OS thread of their caller, detached: others run Python
// meanwhile. What they return lives as long as Python holds it, but a Go value that holds a [Ref]
// to a Python object which holds that value is a cycle that neither collector sees.
//
// # Memory without a copy
//
// A [Buffer] is Go memory that Python sees through the buffer protocol: memoryview, numpy.asarray,
// hashlib and whatever else takes bytes-like objects work on the slice itself. A [View] is the
// other way round: the memory of bytes, bytearray, array.array, memoryview or a numpy array as a
// slice. Either lasts until both sides are done with it: memory of Go is pinned until Python's last
// view has gone, an object of Python is held until its View is released. Who writes while the other
// side reads has a data race, as between goroutines.
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
// handlers are not installed, and signal.signal is a ValueError: Go keeps the signals. os.fork and
// faulthandler.enable are refused, with a way out. os.exec*, as ever, replaces the program, the one
// of Go that is: only sub-interpreters refuse it. A policy can deny it: see [Audit].
package pyhost
