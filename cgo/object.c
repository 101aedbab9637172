// Operations of a Thread of Go: the calling OS thread is attached already.
#include <string.h>

#include "host.h"

// Hands the object itself to Go.
static int keep(struct py_interp *in, struct py_frame *f, PyObject *o) {
    f->obj = (uint64_t)o;
    return o ? PY_OK : py_raised(in, f);
}

static PyObject *text(const uint8_t *s, size_t len) {
    return py.PyUnicode_DecodeUTF8((const char *)s, (Py_ssize_t)len, "surrogateescape");
}

static PyObject *get_attr(PyObject *o, const uint8_t *name, size_t len) {
    PyObject *key = text(name, len), *v = key ? py.PyObject_GetAttr(o, key) : NULL;
    if (key)
        py.Py_DecRef(key);
    return v;
}

// The module itself, for a dotted name too: __import__ gives the first package.
static PyObject *import(const uint8_t *name, size_t len) {
    PyObject *key = text(name, len), *mod = key ? py.PyImport_Import(key) : NULL;
    if (key)
        py.Py_DecRef(key);
    return mod;
}

static PyObject *new_value(struct py_interp *in, const uint8_t *p, size_t len) {
    struct py_reader r = {.p = p, .end = p + len, .in = in, .trusted = 1};
    int begun = py_reader_begin(&r);
    PyObject *o = py_decode(&r, 0);
    py_reader_end(&r, begun);
    return o;
}

// The exception that other code of the C API left set, or what it did to the thread.
static int pending(struct py_interp *in, struct py_frame *thread, struct py_frame *f) {
    int moved = py_realign(thread);
    if (moved < 0)
        return PY_NOT_ATTACHED;
    if (moved && !py.PyErr_Occurred())
        py.PyErr_SetString(*py.PyExc_RuntimeError,
                           "the code detached its thread, by PyEval_SaveThread or "
                           "PyThreadState_Swap, and did not attach it again");
    return py.PyErr_Occurred() ? py_raised(in, f) : PY_OK;
}

static int operate(struct py_interp *in, struct py_frame *f, int op, PyObject *o,
                   const uint8_t *arg, size_t len) {
    switch (op) {
    case PY_OBJ_ATTR:
        return keep(in, f, get_attr(o, arg, len));
    case PY_OBJ_IMPORT:
        return keep(in, f, import(arg, len));
    case PY_OBJ_VALUE:
        return keep(in, f, new_value(in, arg, len));
    case PY_OBJ_CALL:
        return keep(in, f, py_call_encoded(in, o, arg, len));
    case PY_OBJ_VIEW:
        return py_view_open(in, f, o, *arg);
    case PY_OBJ_STR:
        return py_result(in, f, py.PyObject_Str(o));
    default: // PY_OBJ_DECODE
        py.Py_IncRef(o);
        return py_result(in, f, o);
    }
}

// Go functions that are called meanwhile are called by `thread`.
int py_object(uintptr_t interp, struct py_frame *thread, struct py_frame *f, int op, uint64_t obj,
              const uint8_t *arg, size_t len) {
    struct py_interp *in = (struct py_interp *)interp;
    PyObject *exc[3];
    if (op == PY_OBJ_PENDING)
        return pending(in, thread, f);
    if (!py_holds(thread))
        return PY_NOT_ATTACHED;
    struct py_state *st = py_thread.cur;
    struct py_frame *outer = st->frame;
    st->frame = thread;
    py_set_aside(exc);
    int rc = operate(in, f, op, (PyObject *)obj, arg, len);
    py_set_back(exc);
    st->frame = outer;
    return rc;
}

int py_incref(struct py_frame *thread, uint64_t obj) {
    if (!py_holds(thread))
        return PY_NOT_ATTACHED;
    py.Py_IncRef((PyObject *)obj);
    return PY_OK;
}
