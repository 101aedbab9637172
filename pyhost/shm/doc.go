// Package shm is shared memory by name: the same segments as those of Python's
// multiprocessing.shared_memory, made in Go and attached in Python or the other way round. No
// cgo, and no Python in this process.
//
//	seg, err := shm.Create("", 8*n)           // in Go
//	x, err := shm.Slice[float64](seg, 0, n)
//
//	seg = SharedMemory(name)                  # in Python; name is seg.Name()
//	x = numpy.frombuffer(seg.buf, dtype="f8", count=n)
//
// What one side writes the other sees; nothing is copied, and to open a gigabyte takes as long as
// to open a page. Nothing orders the accesses of two processes either: tell the other side when it
// may look, over a pipe or by a call, which orders them too. Between programs of Go, sync/atomic
// works on items of a slice.
//
// # Names and lives
//
// A segment is a file in /dev/shm, made for its user alone. It has a name until Unlink, and memory
// until it has neither a name nor anybody who has it mapped. So it stays when the program ends: a
// program that dies before it calls Unlink leaves it, until the machine is started anew. A
// [Manager] sees to that.
//
//	made by          name gone after Close    after exit, panic    after kill -9
//	Create           no, Unlink does it       no                   no
//	Manager.Create   yes, the Manager's       yes                  yes, in some ms
//	memfd            has none: Python cannot open it by name
//
// What is mapped stays valid after Unlink, whoever calls it.
//
// # Python's resource tracker
//
// A Python process that attaches a segment tells a process of multiprocessing's, its resource
// tracker, and when it ends that one unlinks the segment, whosever it is
// (https://github.com/python/cpython/issues/82300). Then Go cannot hand it to the next process.
// From 3.13 on SharedMemory(name, track=False) does not tell it; ShareableList has no such
// argument, and before 3.13 neither has. The module pyhost_shm, whose text is [Python], has both,
// for all versions:
//
//	from pyhost_shm import SharedMemory, ShareableList
//	seg = SharedMemory(name)
//
// In a runtime of pyhost, Exec of [Setup] makes it importable. A segment that Python has made and
// Go is to keep should come from there too: else it goes with its maker, and what Go has mapped
// loses its name, though not its memory.
//
// # What can go wrong
//
// Memory that is mapped is not checked by the runtime of Go. A slice of a segment that is used
// after Close, or written to in one of OpenReadOnly, is a fault that ends the program; Hold keeps
// it mapped for those who need it longer. The same goes for a segment that another process
// truncates, and for one that Python has made, for which the memory is not there until it is
// written to, when /dev/shm is full. Segments of Create have theirs from the start.
//
// A [List] is checked: whatever is in the segment, reading it gives a value or an error.
package shm
