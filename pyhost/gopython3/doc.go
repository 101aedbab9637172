// Package gopython3 lets programs written against github.com/DataDog/go-python3 move to pyhost one
// function at a time: their code runs in [Do], attached to any runtime, beside code that is written
// against pyhost. It exists under the build tag gopython3 only, for go-python3 needs Python's
// headers and is linked to one libpython; pyhost itself needs neither.
//
//	err := gopython3.Do(ctx, rt, func() error {
//		math := python3.PyImport_ImportModule("math") // go-python3, as ever
//		…
//	})
//
// # What there is
//
//	func Do(ctx context.Context, rt *pyhost.Runtime, fn func() error) error
//	func Object(th *pyhost.Thread, obj *python3.PyObject) *pyhost.Object
//	func PyObject(o *pyhost.Object) *python3.PyObject
//
// go doc shows them with the tag only (GOFLAGS=-tags=gopython3).
//
// # What Do takes over
//
// Py_Initialize and Py_Finalize become [pyhost.Open] and Close. Open takes the libpython that the
// program is linked to: Config.Python may name a virtual environment of that Python, but not
// another one, and what PYHOST_PYTHON and VIRTUAL_ENV name is not looked at.
//
// PyEval_SaveThread after the start, and runtime.LockOSThread, PyGILState_Ensure and
// PyGILState_Release around each use, become [Do]. Inside it pairs of Ensure and Release, and of
// SaveThread and RestoreThread, still do what they did, and calls of pyhost may be nested, but not
// between SaveThread and RestoreThread: they are [pyhost.ErrWrongThread] there.
//
// Code that has not moved yet may still attach itself, on the main interpreter. It has to be done
// before Close, and must not call pyhost between Ensure and Release, which would wait for the GIL
// that it holds. Never call Py_Initialize or Py_Finalize beside Open.
//
// # References
//
// [Object] and [PyObject] never move a reference: whoever had to call DecRef still has to, and
// nobody else. An Object holds a reference of its own until its Thread is released; what PyObject
// gives is borrowed from it. Objects belong to one interpreter, which go-python3 does not check.
//
// # Exceptions
//
// An exception that is set when the function ends is the error of Do, a [pyhost.PythonError],
// joined to the function's own error if it has one too. So code that finds a nil *PyObject may
// simply return. None is left for the next call on the thread.
//
// # Building
//
// go-python3 was written for CPython 3.7. Newer ones lack a few functions that it names: compat.h
// declares them, and this package defines them. cgo has to be told of the header, whose path must
// be absolute:
//
//	dir=$(go list -f '{{.Dir}}' github.com/pyhost/pyhost/pyhost/gopython3)
//	export CGO_CFLAGS="-O2 -g -Wno-deprecated-declarations -include $dir/compat.h"
//	go build -tags gopython3 ./...
//
// Python is found by pkg-config (python3 and python3-embed; Debian: apt install pkg-config
// python3-dev). PKG_CONFIG_PATH names another one's folder; if its libpython is not where the
// dynamic linker looks, add CGO_LDFLAGS=-Wl,-rpath,<its folder>.
//
//	CPython          go-python3 alone             with this package
//	3.7              as it is                     no: pyhost needs 3.10
//	3.8, 3.9         not without compat.h         no: the same
//	3.10, 3.11, 3.12 not without compat.h         yes
//	3.13             not without compat.h         yes
//
// The functions that are gone do nothing: PyDict_ClearFreeList, PyFloat_ClearFreeList and
// PyList_ClearFreeList give 0, PyEval_ReInitThreads returns, PySignal_SetWakeupFd (up to 3.12) and
// Py_SetStandardStreamEncoding (from 3.13 on) give -1.
package gopython3
