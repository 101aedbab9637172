// The exception that is set -> a value that Go reads: what bootstrap.report makes of it.
#include <string.h>

#include "host.h"

PyObject *py_take_exception(void) {
    PyObject *t, *v, *tb;
    if (py.PyErr_GetRaisedException)
        return py.PyErr_GetRaisedException();
    py.PyErr_Fetch(&t, &v, &tb);
    py.PyErr_NormalizeException(&t, &v, &tb);
    if (v && tb)
        py.PyException_SetTraceback(v, tb);
    if (t)
        py.Py_DecRef(t);
    if (tb)
        py.Py_DecRef(tb);
    return v;
}

// Raises an exception with a text that need not be valid UTF-8.
void py_fail(PyObject *type, const char *text) {
    PyObject *o = py.PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (!o)
        return;
    py.PyErr_SetObject(type, o);
    py.Py_DecRef(o);
}

// When even the report fails (out of memory, no stack left, cancelled once more): the name of the
// type alone. It needs no memory of Python's but a name that exists.
static int bare(struct py_interp *in, struct py_frame *f, PyObject *exc) {
    py.PyErr_Clear();
    PyObject *name = py.PyObject_GetAttrString(py_type_of(exc), "__name__");
    int good = name && py.PyType_GetFlags(py_type_of(name)) & Py_TPFLAGS_STR;
    py.PyErr_Clear();
    int rc = good ? py_encode(in, f, name) : py_encode_text(f, "Exception");
    if (name)
        py.Py_DecRef(name);
    py.PyErr_Clear();
    return rc;
}

static int report(struct py_interp *in, struct py_frame *f, PyObject *exc) {
    PyObject *args[2] = {NULL, exc}, *r;
    if (!in->names.report)
        return -1;
    r = py.PyObject_VectorcallDict(in->names.report, args + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                                   NULL);
    int rc = -1;
    if (r == py._Py_NoneStruct)
        rc = py_encode_text(f, "pyhost.Cancelled");
    else if (r)
        rc = py_encode(in, f, r);
    if (r)
        py.Py_DecRef(r);
    return rc;
}

int py_raised(struct py_interp *in, struct py_frame *f) {
    struct py_state *st = py_thread.cur;
    PyObject *exc = py_take_exception();
    if (!exc)
        return PY_NO_MEMORY;
    f->shape = 0;
    st->reporting = py_now();
    py_absorb(in);                  // one that came too late
    int lifted = py_memory_lift(1); // so that a MemoryError can be reported
    int rc = report(in, f, exc);
    if (rc)
        rc = bare(in, f, exc);
    py_memory_lift(lifted);
    st->reporting = 0;
    py.Py_DecRef(exc);
    return rc ? PY_NO_MEMORY : PY_RAISED;
}
