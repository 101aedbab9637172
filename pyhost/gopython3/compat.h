// What go-python3 names and a CPython newer than 3.7 does not declare. For -include in CGO_CFLAGS,
// so it is read at the top of every C file of a build, and of every assembly file.
#if !defined(PYHOST_GOPYTHON3_COMPAT_H) && !defined(__ASSEMBLER__)
#define PYHOST_GOPYTHON3_COMPAT_H

#include <stddef.h>

// Gone since 3.9; defined in compat.c.
int PyDict_ClearFreeList(void);
int PyFloat_ClearFreeList(void);
int PyList_ClearFreeList(void);
void PyEval_ReInitThreads(void);

// Not declared any more since 3.13. libpython still has them, but for the last.
int PyEval_ThreadsInitialized(void);
void Py_SetPath(const wchar_t *);
void PySys_SetPath(const wchar_t *);
void PySys_AddWarnOption(const wchar_t *);
void PySys_AddXOption(const wchar_t *);
int Py_SetStandardStreamEncoding(const char *, const char *);

#endif
