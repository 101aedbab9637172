//go:build linux

package shm

import (
	_ "embed"
	"fmt"
	"strconv"
)

// Python is the source of the Python module pyhost_shm, for a plain Python, from 3.10 on: put it
// into a file pyhost_shm.py. Its SharedMemory and ShareableList are those of
// multiprocessing.shared_memory, but that segments of others are not unlinked when the process
// ends.
//
//go:embed pyhost_shm.py
var Python string

// Setup is Python code that makes the module pyhost_shm importable in an interpreter, for Exec and
// the Setup of sub-interpreters and processes.
var Setup = fmt.Sprintf("(lambda m, s: s.modules.__setitem__(m.__name__, m) or "+
	"exec(compile(%s, '<pyhost_shm>', 'exec'), m.__dict__))"+
	"(__import__('types').ModuleType('pyhost_shm'), __import__('sys'))\n",
	strconv.QuoteToASCII(Python))
