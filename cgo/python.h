// The part of CPython's exported ABI that the library uses, declared here so that neither a build
// nor a binary depends on one Python. Every name is resolved once, by dlsym, into the table `py`.
//
// Only functions and data that CPython 3.10-3.14 export with one signature are listed under
// PY_FUNCTIONS; what came later, or changed, stands under PY_OPTIONAL and may be NULL. The layout
// of objects is never assumed: see py_type_of.
#ifndef PYHOST_PYTHON_H
#define PYHOST_PYTHON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct _object PyObject;
typedef struct _ts PyThreadState;
typedef struct _is PyInterpreterState;
typedef struct PyInitConfig PyInitConfig;
typedef ssize_t Py_ssize_t;

typedef PyObject *(*PyCFunction)(PyObject *self, PyObject *args);
typedef struct {
    const char *ml_name;
    PyCFunction ml_meth;
    int ml_flags;
    const char *ml_doc;
} PyMethodDef;

typedef struct {
    void *ctx;
    void *(*malloc)(void *ctx, size_t size);
    void *(*calloc)(void *ctx, size_t n, size_t size);
    void *(*realloc)(void *ctx, void *p, size_t size);
    void (*free)(void *ctx, void *p);
} PyMemAllocatorEx;

typedef struct {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *p, size_t size);
} PyObjectArenaAllocator;

// Part of the stable ABI since 3.11, and the same in 3.10.
typedef struct {
    void *buf;
    PyObject *obj;
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char *format;
    Py_ssize_t *shape, *strides, *suboffsets;
    void *internal;
} Py_buffer;
enum { PyBUF_FORMAT = 0x0004, PyBUF_STRIDES = 0x0018, PyBUF_RECORDS_RO = 0x001c };
enum { PyBUF_WRITABLE = 0x0001, PyBUF_ND = 0x0008, PyBUF_F_CONTIGUOUS = 0x0058 };
enum { PyBUF_FULL_RO = 0x011c };

// The same from 3.12 to 3.14.
typedef struct {
    int use_main_obmalloc, allow_fork, allow_exec, allow_threads, allow_daemon_threads;
    int check_multi_interp_extensions, gil;
} PyInterpreterConfig;
enum { PyInterpreterConfig_SHARED_GIL = 1, PyInterpreterConfig_OWN_GIL = 2 };
typedef struct {
    int _type; // 0: no error
    const char *func, *err_msg;
    int exitcode;
} PyStatus;

typedef PyObject *(*vectorcallfunc)(PyObject *, PyObject *const *, size_t, PyObject *);
typedef struct {
    int slot;
    void *pfunc;
} PyType_Slot;
typedef struct {
    const char *name;
    int basicsize, itemsize;
    unsigned int flags;
    PyType_Slot *slots;
} PyType_Spec;
typedef struct {
    const char *name;
    int type;
    Py_ssize_t offset;
    int flags;
    const char *doc;
} PyMemberDef;
typedef struct {
    const char *name;
    PyObject *(*get)(PyObject *, void *);
    int (*set)(PyObject *, PyObject *, void *);
    const char *doc;
    void *closure;
} PyGetSetDef;
enum { T_PYSSIZET = 19, READONLY = 1 };
enum {
    Py_bf_getbuffer = 1,
    Py_bf_releasebuffer = 2,
    Py_mp_ass_subscript = 3,
    Py_mp_length = 4,
    Py_mp_subscript = 5,
    Py_tp_call = 50,
    Py_tp_dealloc = 52,
    Py_tp_descr_get = 54,
    Py_tp_doc = 56,
    Py_tp_iter = 62,
    Py_tp_repr = 66,
    Py_tp_members = 72,
    Py_tp_getset = 73,
    Py_tp_free = 74
};
#define Py_TPFLAGS_DEFAULT (1U << 18)
#define Py_TPFLAGS_DISALLOW_INSTANTIATION (1U << 7)
#define Py_TPFLAGS_IMMUTABLETYPE (1U << 8)
#define Py_TPFLAGS_BASETYPE (1U << 10)
#define Py_TPFLAGS_HAVE_VECTORCALL (1U << 11)
#define Py_TPFLAGS_METHOD_DESCRIPTOR (1U << 17)

typedef int (*Py_AuditHookFunction)(const char *event, PyObject *args, void *data);
typedef int (*Py_tracefunc)(PyObject *obj, PyObject *frame, int what, PyObject *arg);

enum { PyTrace_CALL, PyTrace_EXCEPTION, PyTrace_LINE, PyTrace_RETURN, PyTrace_C_CALL };
enum { PyTrace_C_EXCEPTION = 5, PyTrace_C_RETURN = 6 };
enum { METH_VARARGS = 0x0001 };
enum { Py_single_input = 256, Py_file_input = 257, Py_eval_input = 258 };
enum { PYMEM_DOMAIN_RAW, PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ };

// The bits of PyType_GetFlags that tell a subclass of a built-in type.
#define Py_TPFLAGS_LONG (1UL << 24)
#define Py_TPFLAGS_LIST (1UL << 25)
#define Py_TPFLAGS_TUPLE (1UL << 26)
#define Py_TPFLAGS_BYTES (1UL << 27)
#define Py_TPFLAGS_STR (1UL << 28)
#define Py_TPFLAGS_DICT (1UL << 29)
#define Py_TPFLAGS_TYPE (1UL << 31)

#define PY_VECTORCALL_ARGUMENTS_OFFSET ((size_t)1 << (8 * sizeof(size_t) - 1))

// An operator, and the same with = after it.
#define PY_OPERATOR(X, name)                                                                       \
    X(PyObject *, PyNumber_##name, (PyObject *, PyObject *))                                       \
    X(PyObject *, PyNumber_InPlace##name, (PyObject *, PyObject *))

// X(return type, name, arguments)
#define PY_FUNCTIONS(X)                                                                            \
    X(const char *, Py_GetVersion, (void))                                                         \
    X(void, Py_SetProgramName, (const wchar_t *))                                                  \
    X(void, Py_SetPythonHome, (const wchar_t *))                                                   \
    X(void, Py_InitializeEx, (int))                                                                \
    X(int, Py_IsInitialized, (void))                                                               \
    X(int, Py_FinalizeEx, (void))                                                                  \
    X(int, PySys_AddAuditHook, (Py_AuditHookFunction, void *))                                     \
    X(PyObject *, PySys_GetObject, (const char *))                                                 \
    X(void, PyMem_GetAllocator, (int, PyMemAllocatorEx *))                                         \
    X(void, PyMem_SetAllocator, (int, PyMemAllocatorEx *))                                         \
    X(void, PyObject_GetArenaAllocator, (PyObjectArenaAllocator *))                                \
    X(void, PyObject_SetArenaAllocator, (PyObjectArenaAllocator *))                                \
    X(PyThreadState *, PyThreadState_New, (PyInterpreterState *))                                  \
    X(PyThreadState *, PyThreadState_Get, (void))                                                  \
    X(void, PyThreadState_Clear, (PyThreadState *))                                                \
    X(void, PyThreadState_Delete, (PyThreadState *))                                               \
    X(PyThreadState *, PyThreadState_Next, (PyThreadState *))                                      \
    X(PyObject *, PyFrame_GetCode, (PyObject *))                                                   \
    X(PyObject *, PyThreadState_GetFrame, (PyThreadState *))                                       \
    X(PyThreadState *, PyThreadState_Swap, (PyThreadState *))                                      \
    X(PyThreadState *, Py_NewInterpreter, (void))                                                  \
    X(void, Py_EndInterpreter, (PyThreadState *))                                                  \
    X(PyInterpreterState *, PyThreadState_GetInterpreter, (PyThreadState *))                       \
    X(int, PyThreadState_SetAsyncExc, (unsigned long, PyObject *))                                 \
    X(PyThreadState *, PyInterpreterState_ThreadHead, (PyInterpreterState *))                      \
    X(int64_t, PyInterpreterState_GetID, (PyInterpreterState *))                                   \
    X(PyThreadState *, PyEval_SaveThread, (void))                                                  \
    X(void, PyEval_RestoreThread, (PyThreadState *))                                               \
    X(PyObject *, PyEval_EvalCode, (PyObject *, PyObject *, PyObject *))                           \
    X(PyObject *, PyEval_GetBuiltins, (void))                                                      \
    X(void, PyEval_SetProfile, (Py_tracefunc, PyObject *))                                         \
    X(unsigned long, PyThread_get_thread_ident, (void))                                            \
    X(void, Py_IncRef, (PyObject *))                                                               \
    X(void, Py_DecRef, (PyObject *))                                                               \
    X(PyObject *, Py_CompileStringExFlags, (const char *, const char *, int, void *, int))         \
    X(PyObject *, PyMarshal_WriteObjectToString, (PyObject *, int))                                \
    X(PyObject *, PyMarshal_ReadObjectFromString, (const char *, Py_ssize_t))                      \
    X(PyObject *, PyObject_Type, (PyObject *))                                                     \
    X(unsigned long, PyType_GetFlags, (PyObject *))                                                \
    X(int, PyType_IsSubtype, (PyObject *, PyObject *))                                             \
    X(PyObject *, PyType_FromSpec, (PyType_Spec *))                                                \
    X(PyObject *, PyType_GenericAlloc, (PyObject *, Py_ssize_t))                                   \
    X(void *, PyType_GetSlot, (PyObject *, int))                                                   \
    X(PyObject *, PyMethod_New, (PyObject *, PyObject *))                                          \
    X(PyObject *, PyVectorcall_Call, (PyObject *, PyObject *, PyObject *))                         \
    X(PyObject *, PyObject_Str, (PyObject *))                                                      \
    X(PyObject *, PyObject_GetAttr, (PyObject *, PyObject *))                                      \
    X(PyObject *, PyObject_GetAttrString, (PyObject *, const char *))                              \
    X(PyObject *, PyObject_VectorcallDict, (PyObject *, PyObject *const *, size_t, PyObject *))    \
    X(PyObject *, PyImport_Import, (PyObject *))                                                   \
    X(PyObject *, PyImport_GetModule, (PyObject *))                                                \
    X(PyObject *, PyImport_AddModule, (const char *))                                              \
    X(PyObject *, PyImport_ImportModule, (const char *))                                           \
    X(PyObject *, PyModule_GetDict, (PyObject *))                                                  \
    X(PyObject *, PyCFunction_NewEx, (PyMethodDef *, PyObject *, PyObject *))                      \
    X(PyObject *, PyLong_FromLongLong, (long long))                                                \
    X(PyObject *, PyLong_FromVoidPtr, (void *))                                                    \
    X(void *, PyLong_AsVoidPtr, (PyObject *))                                                      \
    X(long long, PyLong_AsLongLongAndOverflow, (PyObject *, int *))                                \
    X(PyObject *, _PyLong_FromByteArray, (const unsigned char *, size_t, int, int))                \
    X(PyObject *, PyFloat_FromDouble, (double))                                                    \
    X(double, PyFloat_AsDouble, (PyObject *))                                                      \
    X(PyObject *, PyUnicode_DecodeUTF8, (const char *, Py_ssize_t, const char *))                  \
    X(PyObject *, PyUnicode_AsEncodedString, (PyObject *, const char *, const char *))             \
    X(const char *, PyUnicode_AsUTF8AndSize, (PyObject *, Py_ssize_t *))                           \
    X(PyObject *, PyUnicode_InternFromString, (const char *))                                      \
    X(PyObject *, PyUnicode_FromStringAndSize, (const char *, Py_ssize_t))                         \
    X(PyObject *, PyBytes_FromStringAndSize, (const char *, Py_ssize_t))                           \
    X(int, PyBytes_AsStringAndSize, (PyObject *, char **, Py_ssize_t *))                           \
    X(char *, PyByteArray_AsString, (PyObject *))                                                  \
    X(Py_ssize_t, PyByteArray_Size, (PyObject *))                                                  \
    X(PyObject *, PyList_New, (Py_ssize_t))                                                        \
    X(int, PyList_SetItem, (PyObject *, Py_ssize_t, PyObject *))                                   \
    X(PyObject *, PyList_GetItem, (PyObject *, Py_ssize_t))                                        \
    X(PyObject *, PyList_AsTuple, (PyObject *))                                                    \
    X(Py_ssize_t, PyList_Size, (PyObject *))                                                       \
    X(PyObject *, PyTuple_New, (Py_ssize_t))                                                       \
    X(int, PyTuple_SetItem, (PyObject *, Py_ssize_t, PyObject *))                                  \
    X(PyObject *, PyTuple_GetItem, (PyObject *, Py_ssize_t))                                       \
    X(Py_ssize_t, PyTuple_Size, (PyObject *))                                                      \
    X(PyObject *, PySet_New, (PyObject *))                                                         \
    X(int, PySet_Add, (PyObject *, PyObject *))                                                    \
    X(PyObject *, PyComplex_FromDoubles, (double, double))                                         \
    X(double, PyComplex_RealAsDouble, (PyObject *))                                                \
    X(double, PyComplex_ImagAsDouble, (PyObject *))                                                \
    X(PyObject *, PyObject_GetIter, (PyObject *))                                                  \
    X(PyObject *, PyIter_Next, (PyObject *))                                                       \
    X(int, PyObject_GetBuffer, (PyObject *, Py_buffer *, int))                                     \
    X(PyObject *, PyMemoryView_FromObject, (PyObject *))                                           \
    X(void, PyBuffer_Release, (Py_buffer *))                                                       \
    X(int, PyBuffer_ToContiguous, (void *, Py_buffer *, Py_ssize_t, char))                         \
    X(int, PyBuffer_IsContiguous, (const Py_buffer *, char))                                       \
    X(void, PyObject_Free, (void *))                                                               \
    X(int, PyObject_HasAttrString, (PyObject *, const char *))                                     \
    X(PyObject *, PyDict_New, (void))                                                              \
    X(int, PyDict_SetItem, (PyObject *, PyObject *, PyObject *))                                   \
    X(int, PyDict_SetItemString, (PyObject *, const char *, PyObject *))                           \
    X(PyObject *, PyDict_GetItemWithError, (PyObject *, PyObject *))                               \
    X(PyObject *, PyDict_GetItemString, (PyObject *, const char *))                                \
    X(int, PyDict_Next, (PyObject *, Py_ssize_t *, PyObject **, PyObject **))                      \
    X(PyObject *, PyDict_Copy, (PyObject *))                                                       \
    X(int, PyDict_Update, (PyObject *, PyObject *))                                                \
    X(Py_ssize_t, PyDict_Size, (PyObject *))                                                       \
    X(PyObject *, PyErr_NewException, (const char *, PyObject *, PyObject *))                      \
    X(PyObject *, PyCapsule_New, (void *, const char *, void (*)(PyObject *)))                     \
    X(void *, PyCapsule_GetPointer, (PyObject *, const char *))                                    \
    X(const char *, PyCapsule_GetName, (PyObject *))                                               \
    X(int, PyCapsule_IsValid, (PyObject *, const char *))                                          \
    X(Py_ssize_t, PyGC_Collect, (void))                                                            \
    X(PyObject *, PyErr_Occurred, (void))                                                          \
    X(int, PyErr_ExceptionMatches, (PyObject *))                                                   \
    X(void, PyErr_Clear, (void))                                                                   \
    X(void, PyErr_SetString, (PyObject *, const char *))                                           \
    X(void, PyErr_SetObject, (PyObject *, PyObject *))                                             \
    X(void, PyErr_WriteUnraisable, (PyObject *))                                                   \
    X(PyObject *, PyErr_NoMemory, (void))                                                          \
    X(int, Py_EnterRecursiveCall, (const char *))                                                  \
    X(void, Py_LeaveRecursiveCall, (void))                                                         \
    X(void, PyErr_Fetch, (PyObject **, PyObject **, PyObject **))                                  \
    X(void, PyErr_Restore, (PyObject *, PyObject *, PyObject *))                                   \
    X(void, PyErr_NormalizeException, (PyObject **, PyObject **, PyObject **))                     \
    X(int, PyException_SetTraceback, (PyObject *, PyObject *))                                     \
    X(int, PyObject_SetAttr, (PyObject *, PyObject *, PyObject *))                                 \
    X(PyObject *, PyObject_GetItem, (PyObject *, PyObject *))                                      \
    X(int, PyObject_SetItem, (PyObject *, PyObject *, PyObject *))                                 \
    X(int, PyObject_DelItem, (PyObject *, PyObject *))                                             \
    X(Py_ssize_t, PyObject_Size, (PyObject *))                                                     \
    X(Py_ssize_t, PyObject_Hash, (PyObject *))                                                     \
    X(int, PyObject_IsTrue, (PyObject *))                                                          \
    X(int, PyObject_IsInstance, (PyObject *, PyObject *))                                          \
    X(PyObject *, PyObject_Repr, (PyObject *))                                                     \
    X(PyObject *, PyObject_Dir, (PyObject *))                                                      \
    X(PyObject *, PyObject_RichCompare, (PyObject *, PyObject *, int))                             \
    X(PyObject *, PyObject_VectorcallMethod, (PyObject *, PyObject *const *, size_t, PyObject *))  \
    X(int, PySequence_Contains, (PyObject *, PyObject *))                                          \
    X(void, PyUnicode_InternInPlace, (PyObject **))                                                \
    X(PyObject *, PyNumber_Negative, (PyObject *))                                                 \
    X(PyObject *, PyNumber_Positive, (PyObject *))                                                 \
    X(PyObject *, PyNumber_Invert, (PyObject *))                                                   \
    PY_OPERATOR(X, Add)                                                                            \
    PY_OPERATOR(X, Subtract)                                                                       \
    PY_OPERATOR(X, Multiply)                                                                       \
    PY_OPERATOR(X, MatrixMultiply)                                                                 \
    PY_OPERATOR(X, TrueDivide)                                                                     \
    PY_OPERATOR(X, FloorDivide)                                                                    \
    PY_OPERATOR(X, Remainder)                                                                      \
    PY_OPERATOR(X, Lshift)                                                                         \
    PY_OPERATOR(X, Rshift)                                                                         \
    PY_OPERATOR(X, And)                                                                            \
    PY_OPERATOR(X, Xor)                                                                            \
    PY_OPERATOR(X, Or)                                                                             \
    X(PyObject *, PyNumber_Power, (PyObject *, PyObject *, PyObject *))                            \
    X(PyObject *, PyNumber_InPlacePower, (PyObject *, PyObject *, PyObject *))

// Present in some versions only; NULL elsewhere.
#define PY_OPTIONAL(X)                                                                             \
    X(PyThreadState *, PyThreadState_GetUnchecked, (void))                                         \
    X(PyThreadState *, _PyThreadState_UncheckedGet, (void))                                        \
    X(PyObject *, PyObject_Vectorcall, (PyObject *, PyObject *const *, size_t, PyObject *))        \
    X(int, PyDict_GetItemRef, (PyObject *, PyObject *, PyObject **))                               \
    X(PyObject *, PyErr_GetRaisedException, (void))                                                \
    X(void, _PyTraceback_Add, (const char *, const char *, int))                                   \
    X(PyStatus, Py_NewInterpreterFromConfig, (PyThreadState **, const PyInterpreterConfig *))      \
    X(int, PyGC_Enable, (void))                                                                    \
    X(int, PyGC_Disable, (void))                                                                   \
    X(void, PyUnstable_GC_VisitObjects, (int (*)(PyObject *, void *), void *))                     \
    X(size_t, _PyLong_NumBits, (PyObject *))                                                       \
    X(int, _PyLong_AsByteArray, (PyObject *, unsigned char *, size_t, int, int, int))              \
    X(PyInitConfig *, PyInitConfig_Create, (void))                                                 \
    X(void, PyInitConfig_Free, (PyInitConfig *))                                                   \
    X(int, PyInitConfig_SetInt, (PyInitConfig *, const char *, int64_t))                           \
    X(int, PyInitConfig_SetStr, (PyInitConfig *, const char *, const char *))                      \
    X(int, PyInitConfig_GetError, (PyInitConfig *, const char **))                                 \
    X(int, Py_InitializeFromInitConfig, (PyInitConfig *))                                          \
    X(void, _Py_DecRefShared, (PyObject *))

// The versions of clang-format do not agree on these tables.
// clang-format off
// Data: the address of the symbol.
#define PY_DATA(X)                                                                                 \
    X(_Py_NoneStruct)                                                                              \
    X(_Py_TrueStruct)                                                                              \
    X(_Py_FalseStruct)                                                                             \
    X(PyBool_Type)                                                                                 \
    X(PyLong_Type)                                                                                 \
    X(PyBaseObject_Type) X(PyFloat_Type) X(PyUnicode_Type) X(PyBytes_Type)                         \
    X(PyByteArray_Type) X(PyList_Type)                                                             \
        X(PyTuple_Type) X(PyDict_Type) X(PyModule_Type)

// Pointers to objects: the value of the symbol, once Python runs.
#define PY_EXCEPTIONS(X)                                                                           \
    X(PyExc_BaseException)                                                                         \
    X(PyExc_AttributeError)                                                                        \
    X(PyExc_NameError)                                                                             \
    X(PyExc_RuntimeError)                                                                          \
    X(PyExc_ValueError)                                                                            \
    X(PyExc_TypeError) X(PyExc_OSError) X(PyExc_ImportError) X(PyExc_ModuleNotFoundError)          \
        X(PyExc_RecursionError) X(PyExc_UnicodeEncodeError) X(PyExc_MemoryError)                   \
            X(PyExc_SystemExit) X(PyExc_BufferError)

// Flags read by Py_InitializeEx; they are gone or ignored where PyInitConfig exists.
#define PY_FLAGS(X)                                                                                \
    X(Py_IsolatedFlag) X(Py_IgnoreEnvironmentFlag) X(Py_NoUserSiteDirectory) X(Py_UTF8Mode)

// clang-format on

struct py_api {
#define X(ret, name, args) ret(*name) args;
    PY_FUNCTIONS(X)
    PY_OPTIONAL(X)
#undef X
#define X(name) PyObject *name;
    PY_DATA(X)
#undef X
#define X(name) PyObject **name;
    PY_EXCEPTIONS(X)
#undef X
#define X(name) int *name;
    PY_FLAGS(X)
#undef X
};

// Written once by py_load, before any other call; read-only afterwards.
extern struct py_api py;

#endif
