// Calls and operations that Go asks for, and their errors; part of host.h.
#ifndef PYHOST_CALLS_H
#define PYHOST_CALLS_H

#include "python.h"

// call.c
enum {
    PY_OP_CALL,
    PY_OP_CALL_OBJECT,
    PY_OP_EVAL,
    PY_OP_EXEC,
    PY_OP_DECODE,
    PY_OP_RAISE,
    PY_OP_FIND,
    PY_OP_ECHO
};
struct py_name;
struct py_name *py_name_new(const char *name, size_t len, int once);
void py_name_free(struct py_interp *, struct py_name *); // from anywhere
// The outcome is in the frame: a function without a result crosses faster.
void py_run(uintptr_t interp, struct py_frame *, int op, uint64_t what, const uint8_t *in,
            size_t len);
PyObject *py_find(struct py_interp *, struct py_name *); // what the name stands for now
PyObject *py_vectorcall(PyObject *fn, PyObject **args, size_t n, PyObject *kw); // args[-1] is free
PyObject *py_call_encoded(struct py_interp *, PyObject *fn, const uint8_t *args, size_t len);
PyObject *py_call_method(struct py_interp *, PyObject *, PyObject *name, const uint8_t *args,
                         size_t len);
PyObject *py_run_code(struct py_interp *, struct py_frame *, int start, const uint8_t *, size_t);
PyObject *py_dict_get(PyObject *dict, PyObject *key); // new, or NULL: an error only if it failed
int py_result(struct py_interp *, struct py_frame *, PyObject *); // takes the reference

// scalar.c
#define PY_SCALARS 3
struct py_scalar {
    uint64_t bits;
    int32_t kind;   // PY_T_INT..., PY_T_OBJECT for anything else; bits owns a reference then
    int32_t status; // PY_RAISED: bits is the exception, or 0
};
// kinds: 4 bits for each argument
PyObject *py_number(int kind, uint64_t bits);
enum { PY_NESTED = 2 }; // how: only on a thread that is attached to the interpreter
struct py_scalar py_call_scalars(uintptr_t interp, uint64_t name, int how, uint64_t kinds,
                                 uint64_t a, uint64_t b, uint64_t c);

struct py_scalar py_read_scalar(PyObject *); // takes the reference

// object.c: operations of a Thread. Those of py_object encode their result.
enum {
    PY_OBJ_STR,
    PY_OBJ_REPR,
    PY_OBJ_DIR,
    PY_OBJ_TYPE_NAME,
    PY_OBJ_DECODE,
    PY_OBJ_EVAL, // as py_run_code
    PY_OBJ_EXEC,
    PY_OBJ_VIEW,
    PY_OBJ_PENDING
};
int py_object(uintptr_t interp, struct py_frame *thread, struct py_frame *, int op, uint64_t obj,
              const uint8_t *in, size_t len);
int py_release(struct py_frame *thread, const uint64_t *objs, size_t n);

// operate.c: those of py_operate give an object (PY_T_OBJECT, the reference handed over), a number
// or nothing (PY_T_NONE). x and y are their operands.
enum {
    PY_DO_VALUE,  // x
    PY_DO_INTERN, // x, a str
    PY_DO_IMPORT,
    PY_DO_MODULE,  // one that is loaded
    PY_DO_BUILTIN, // x of the builtins
    PY_DO_FIND,    // y: a struct py_name
    PY_DO_ATTR,    // obj.x
    PY_DO_SET_ATTR,
    PY_DO_DEL_ATTR,
    PY_DO_HAS_ATTR,
    PY_DO_ITEM, // obj[x]
    PY_DO_SET_ITEM,
    PY_DO_DEL_ITEM,
    PY_DO_CONTAINS,
    PY_DO_LEN,
    PY_DO_TRUTH,
    PY_DO_HASH,
    PY_DO_NUMBER, // obj as a number, or obj
    PY_DO_TYPE,
    PY_DO_IS,
    PY_DO_IS_INSTANCE,
    PY_DO_COMPARE, // the truth of obj y x, y one of the operators
    PY_DO_BINARY,  // obj y x
    PY_DO_UNARY,   // y obj
    PY_DO_ITER,
    PY_DO_NEXT,
    PY_DO_CALL,  // the arguments are encoded
    PY_DO_METHOD // of the name x
};
// The kinds of operands: PY_T_NONE, _FALSE, _TRUE, _INT, _FLOAT, PY_T_REF for an object of the
// caller's, and these.
enum { PY_X_RAW = 64 /* not an operand: see above */, PY_X_TEXT, PY_X_ENCODED };
// what: the operation, and from bit 8 on and from bit 16 on the kinds of x and y. text is that of
// the one PY_X_TEXT, or the encoded operands in a row.
struct py_scalar py_operate(uintptr_t interp, struct py_frame *thread, uint64_t obj, uint64_t what,
                            uint64_t x, uint64_t y, const uint8_t *text, size_t len);
enum { PY_GOT_EXCEPTION = 1, PY_GOT_NOTHING = 2 /* PY_NOT_ATTACHED */ };
uint64_t py_get_attr(struct py_frame *thread, uint64_t obj, uint64_t name);
uint64_t py_get_index(struct py_frame *thread, uint64_t obj, int64_t i);
uint64_t py_get_key(struct py_frame *thread, uint64_t obj, const uint8_t *key, size_t len);
int py_incref(struct py_frame *thread, uint64_t obj);

// error.c
PyObject *py_take_exception(void);
void py_fail(PyObject *type, const char *text);
int py_raised(struct py_interp *, struct py_frame *); // PY_RAISED, or PY_NO_MEMORY
// Other code of the C API on this thread may have left an exception set. What is nested inside runs
// without it, and puts it back.
static inline void py_set_aside(PyObject *exc[3]) {
    exc[0] = NULL;
    if (py.PyErr_Occurred())
        py.PyErr_Fetch(&exc[0], &exc[1], &exc[2]);
}
static inline void py_set_back(PyObject *exc[3]) {
    if (exc[0])
        py.PyErr_Restore(exc[0], exc[1], exc[2]);
}

// An operation of a Thread: Go functions that it calls are called by `thread`. 0: not attached.
static inline int py_begin_op(struct py_frame *thread, struct py_frame **outer, PyObject *exc[3]) {
    struct py_state *st = py_thread.cur;
    if (!py_holds(thread))
        return 0;
    *outer = st->frame;
    st->frame = thread;
    exc[0] = NULL;
    if (py_foreign)
        py_set_aside(exc);
    return 1;
}
static inline void py_end_op(struct py_frame *outer, PyObject *exc[3]) {
    py_thread.cur->frame = outer;
    py_set_back(exc);
}

#endif
