// Numbers, texts, bytes and objects as such -> Go.
#include <string.h>

#include "pack.h"

// Lone surrogates have no UTF-8: those of surrogateescape become the bytes they stand for, others
// the three bytes that surrogatepass gives them.
static int put_surrogates(struct py_writer *w, PyObject *o) {
    char *s;
    Py_ssize_t n;
    if (!py.PyErr_ExceptionMatches(*py.PyExc_UnicodeEncodeError))
        return -1;
    py.PyErr_Clear();
    PyObject *b = py.PyUnicode_AsEncodedString(o, "utf-8", "surrogateescape");
    if (!b && py.PyErr_ExceptionMatches(*py.PyExc_UnicodeEncodeError)) {
        py.PyErr_Clear();
        b = py.PyUnicode_AsEncodedString(o, "utf-8", "surrogatepass");
    }
    if (!b)
        return -1;
    int rc = py.PyBytes_AsStringAndSize(b, &s, &n);
    if (!rc)
        rc = py_put_text(w, s, (uint64_t)n);
    py.Py_DecRef(b);
    return rc;
}

int py_put_str(struct py_writer *w, PyObject *o) {
    Py_ssize_t n;
    const char *s = py.PyUnicode_AsUTF8AndSize(o, &n);
    if (!s)
        return put_surrogates(w, o);
    return n < PY_FAR_MIN ? py_put_text(w, s, (uint64_t)n)
                          : py_put_far(w, PY_T_STR, o, s, (uint64_t)n);
}

static int put_big(struct py_writer *w, PyObject *o) {
    uint64_t n = py._PyLong_NumBits(o) / 8 + 1;
    if (py_put_count(w, PY_T_BIG, n) || room(w, n))
        return -1;
    if (py._PyLong_AsByteArray(o, w->p, n, 1, 1, 1)) // the last is new in 3.13, ignored before
        return -1;
    w->p += n;
    return 0;
}

int py_put_int(struct py_writer *w, PyObject *o) {
    int overflow = 0;
    long long v = py.PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow)
        return put_big(w, o);
    if (v == -1 && py.PyErr_Occurred())
        return -1;
    return py_put_word(w, PY_T_INT, &v);
}

int py_put_float(struct py_writer *w, PyObject *o) {
    double d = py.PyFloat_AsDouble(o);
    if (d == -1 && py.PyErr_Occurred())
        return -1;
    return py_put_word(w, PY_T_FLOAT, &d);
}

int py_put_complex(struct py_writer *w, PyObject *o) {
    double d[2] = {py.PyComplex_RealAsDouble(o), py.PyComplex_ImagAsDouble(o)};
    if (py.PyErr_Occurred() || room(w, 17))
        return -1;
    *w->p = PY_T_COMPLEX;
    memcpy(w->p + 1, d, 16);
    w->p += 17;
    return 0;
}

// A metaclass may say anything, or nothing, when it is asked for the name.
static int put_type_name(struct py_writer *w, PyObject *type) {
    PyObject *name = py.PyObject_GetAttrString(type, "__qualname__");
    int good = name && py.PyType_GetFlags(py_type_of(name)) & Py_TPFLAGS_STR;
    py.PyErr_Clear();
    int rc = good ? py_put_str(w, name) : py_put_text(w, "object", 6);
    if (name)
        py.Py_DecRef(name);
    return rc;
}

int py_put_object(struct py_writer *w, PyObject *o) {
    int rc = py_writer_hand(w) || py_put_count(w, PY_T_OBJECT, (uint64_t)o) ||
             put_type_name(w, py_type_of(o));
    if (!rc) {
        py.Py_IncRef(o);
        w->handed[w->nhanded++] = (struct py_handed){.obj = o};
    }
    return rc ? -1 : 0;
}

// Go gets a hold on the value that the object stands for.
int py_put_go(struct py_writer *w, struct py_go *g) {
    if (py_writer_hand(w) || py_put_count(w, PY_T_GO, (uint64_t)g))
        return -1;
    add(&g->refs, 1);
    w->handed[w->nhanded++] = (struct py_handed){.go = g};
    return 0;
}

int py_put_bytearray(struct py_writer *w, PyObject *o) {
    if (py_free_threaded()) { // others may resize it meanwhile: a buffer keeps them from that
        int rc = py_put_array(w, o, 1);
        if (rc <= 0)
            return rc;
    }
    return py_put_blob(w, PY_T_BYTES, py.PyByteArray_AsString(o), (uint64_t)py.PyByteArray_Size(o));
}

int py_put_bytes(struct py_writer *w, PyObject *o) {
    char *s;
    Py_ssize_t n;
    if (py.PyBytes_AsStringAndSize(o, &s, &n))
        return -1;
    return n < PY_FAR_MIN ? py_put_blob(w, PY_T_BYTES, s, (uint64_t)n)
                          : py_put_far(w, PY_T_BYTES, o, s, (uint64_t)n);
}
