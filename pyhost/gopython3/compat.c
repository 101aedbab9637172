//go:build gopython3

// What go-python3 links to and a CPython newer than 3.7 does not have: functions that did nothing
// of note, or that fail now.
#include <Python.h>

#include "compat.h"

int PyDict_ClearFreeList(void) {
    return 0;
}

int PyFloat_ClearFreeList(void) {
    return 0;
}

int PyList_ClearFreeList(void) {
    return 0;
}

void PyEval_ReInitThreads(void) {
}

#if PY_VERSION_HEX < 0x030d0000
// Declared by these, but not in their libraries.
int PySignal_SetWakeupFd(int fd) {
    (void)fd;
    return -1;
}
#else
int Py_SetStandardStreamEncoding(const char *encoding, const char *errors) {
    (void)encoding;
    (void)errors;
    return -1;
}
#endif
