package pyhost

import "errors"

// Why a Python can't be used. [Python.Err] and the errors of [Open] wrap one of these; a path that
// does not exist gives an error that wraps [io/fs.ErrNotExist].
var (
	// ErrNoPython says that no usable Python was found; its text lists what was refused, and why.
	ErrNoPython = errors.New("no usable Python found")
	// ErrNotPython is a file or folder that is no CPython.
	ErrNotPython = errors.New("not a CPython")
	// ErrUnsupportedVersion is a CPython older than 3.10.
	ErrUnsupportedVersion = errors.New("unsupported Python version")
	// ErrNoSharedLibrary is a CPython without a libpython that can be loaded; the text says what
	// brings it.
	ErrNoSharedLibrary = errors.New("no shared libpython")
	// ErrNoStdlib is a CPython whose standard library is not where it looks for it.
	ErrNoStdlib = errors.New("no standard library")
)
