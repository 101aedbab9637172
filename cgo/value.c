// Values ⇄ Python objects, a whole graph in one crossing. The form is described in host.h.
#include <stdlib.h>
#include <string.h>

#include "host.h"

static int malformed(void) {
    py.PyErr_SetString(*py.PyExc_ValueError, "malformed value buffer");
    return -1;
}

static int too_deep(void) {
    py.PyErr_SetString(*py.PyExc_ValueError, "value is nested deeper than 1000 levels or a cycle");
    return -1;
}

// Go value -> object

int py_read_u64(struct py_reader *r, uint64_t *v) {
    if (r->end - r->p < 8)
        return malformed();
    memcpy(v, r->p, 8);
    r->p += 8;
    return 0;
}

// A length of items that take at least `size` bytes each.
static int read_len(struct py_reader *r, uint64_t size, uint64_t *n) {
    if (py_read_u64(r, n))
        return -1;
    return *n > (uint64_t)(r->end - r->p) / size ? malformed() : 0;
}

static PyObject *decode_str(struct py_reader *r, uint64_t n) {
    PyObject *o = py.PyUnicode_DecodeUTF8((const char *)r->p, (Py_ssize_t)n, "surrogateescape");
    r->p += n;
    return o;
}

static PyObject *decode_int(struct py_reader *r) {
    uint64_t v;
    return py_read_u64(r, &v) ? NULL : py.PyLong_FromLongLong((int64_t)v);
}

static PyObject *decode_float(struct py_reader *r) {
    uint64_t v;
    double d;
    if (py_read_u64(r, &v))
        return NULL;
    memcpy(&d, &v, 8);
    return py.PyFloat_FromDouble(d);
}

static PyObject *decode_sequence(struct py_reader *r, int tag, int depth) {
    uint64_t n;
    uint64_t size = tag == PY_T_INTS || tag == PY_T_FLOATS ? 8 : 1;
    if (read_len(r, size, &n))
        return NULL;
    PyObject *o = tag == PY_T_TUPLE ? py.PyTuple_New((Py_ssize_t)n) : py.PyList_New((Py_ssize_t)n);
    for (uint64_t i = 0; o && i < n; i++) {
        PyObject *v = tag == PY_T_INTS     ? decode_int(r)
                      : tag == PY_T_FLOATS ? decode_float(r)
                                           : py_decode(r, depth + 1);
        int bad = !v || (tag == PY_T_TUPLE ? py.PyTuple_SetItem(o, (Py_ssize_t)i, v)
                                           : py.PyList_SetItem(o, (Py_ssize_t)i, v));
        if (bad) {
            py.Py_DecRef(o);
            o = NULL;
        }
    }
    return o;
}

static int decode_item(struct py_reader *r, PyObject *dict, int depth) {
    PyObject *k = py_decode(r, depth + 1);
    PyObject *v = k ? py_decode(r, depth + 1) : NULL;
    int rc = v ? py.PyDict_SetItem(dict, k, v) : -1;
    if (k)
        py.Py_DecRef(k);
    if (v)
        py.Py_DecRef(v);
    return rc;
}

static PyObject *decode_dict(struct py_reader *r, int depth) {
    uint64_t n;
    if (read_len(r, 2, &n))
        return NULL;
    PyObject *o = py.PyDict_New();
    for (uint64_t i = 0; o && i < n; i++) {
        if (decode_item(r, o, depth)) {
            py.Py_DecRef(o);
            o = NULL;
        }
    }
    return o;
}

static PyObject *decode_blob(struct py_reader *r, int tag) {
    uint64_t n;
    PyObject *o;
    if (tag == PY_T_STR8) {
        n = r->p < r->end ? *r->p++ : 1;
        if (n > (uint64_t)(r->end - r->p))
            return malformed(), NULL;
        return decode_str(r, n);
    }
    if (read_len(r, 1, &n))
        return NULL;
    if (tag == PY_T_STR)
        return decode_str(r, n);
    if (tag == PY_T_BYTES)
        o = py.PyBytes_FromStringAndSize((const char *)r->p, (Py_ssize_t)n);
    else
        o = py._PyLong_FromByteArray(r->p, n, 1, 1);
    r->p += n;
    return o;
}

static PyObject *shared(PyObject *o) {
    py.Py_IncRef(o);
    return o;
}

PyObject *py_decode(struct py_reader *r, int depth) {
    uint64_t v;
    if (depth > PY_MAX_DEPTH)
        return too_deep(), NULL;
    if (r->p >= r->end)
        return malformed(), NULL;
    int tag = *r->p++;
    switch (tag) {
    case PY_T_INT:
        return decode_int(r);
    case PY_T_NONE:
        return shared(py._Py_NoneStruct);
    case PY_T_FALSE:
        return shared(py._Py_FalseStruct);
    case PY_T_TRUE:
        return shared(py._Py_TrueStruct);
    case PY_T_FLOAT:
        return decode_float(r);
    case PY_T_BIG:
    case PY_T_STR8:
    case PY_T_STR:
    case PY_T_BYTES:
        return decode_blob(r, tag);
    case PY_T_LIST:
    case PY_T_TUPLE:
    case PY_T_INTS:
    case PY_T_FLOATS:
        return decode_sequence(r, tag, depth);
    case PY_T_DICT:
        return decode_dict(r, depth);
    case PY_T_REF:
        return py_read_u64(r, &v) ? NULL : shared((PyObject *)v);
    }
    return malformed(), NULL;
}

// Object -> Go value

struct py_writer {
    uint8_t *p, *end, *base;
    int heap;        // base is malloc'd
    PyObject **objs; // the references handed over, to be taken back if encoding fails
    size_t nobjs, capobjs;
};

static int grow(struct py_writer *w, size_t n) {
    size_t len = (size_t)(w->p - w->base), cap = (size_t)(w->end - w->base);
    cap = len + n > 2 * cap ? len + n : 2 * cap;
    uint8_t *base = realloc(w->heap ? w->base : NULL, cap);
    if (!base) {
        py.PyErr_NoMemory();
        return -1;
    }
    if (!w->heap)
        memcpy(base, w->base, len);
    w->heap = 1;
    w->base = base;
    w->p = base + len;
    w->end = base + cap;
    return 0;
}

static inline int room(struct py_writer *w, size_t n) {
    return (size_t)(w->end - w->p) >= n ? 0 : grow(w, n);
}

static int put_word(struct py_writer *w, int tag, const void *word) {
    if (room(w, 9))
        return -1;
    *w->p = (uint8_t)tag;
    memcpy(w->p + 1, word, 8);
    w->p += 9;
    return 0;
}

static int put_blob(struct py_writer *w, int tag, const char *s, uint64_t n) {
    if (put_word(w, tag, &n) || room(w, n))
        return -1;
    memcpy(w->p, s, n);
    w->p += n;
    return 0;
}

static int put_text(struct py_writer *w, const char *s, uint64_t n) {
    if (n > 255)
        return put_blob(w, PY_T_STR, s, n);
    if (room(w, n + 2))
        return -1;
    w->p[0] = PY_T_STR8;
    w->p[1] = (uint8_t)n;
    memcpy(w->p + 2, s, n);
    w->p += n + 2;
    return 0;
}

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
        rc = put_text(w, s, (uint64_t)n);
    py.Py_DecRef(b);
    return rc;
}

static int put_str(struct py_writer *w, PyObject *o) {
    Py_ssize_t n;
    const char *s = py.PyUnicode_AsUTF8AndSize(o, &n);
    return s ? put_text(w, s, (uint64_t)n) : put_surrogates(w, o);
}

static int put_big(struct py_writer *w, PyObject *o) {
    uint64_t n = py._PyLong_NumBits(o) / 8 + 1;
    if (put_word(w, PY_T_BIG, &n) || room(w, n))
        return -1;
    if (py._PyLong_AsByteArray(o, w->p, n, 1, 1, 1)) // the last is new in 3.13, ignored before
        return -1;
    w->p += n;
    return 0;
}

static int put_int(struct py_writer *w, PyObject *o) {
    int overflow = 0;
    long long v = py.PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow)
        return put_big(w, o);
    if (v == -1 && py.PyErr_Occurred())
        return -1;
    return put_word(w, PY_T_INT, &v);
}

static int put_float(struct py_writer *w, PyObject *o) {
    double d = py.PyFloat_AsDouble(o);
    if (d == -1 && py.PyErr_Occurred())
        return -1;
    return put_word(w, PY_T_FLOAT, &d);
}

static int put_object(struct py_writer *w, PyObject *o) {
    if (w->nobjs == w->capobjs) {
        size_t cap = w->capobjs ? 2 * w->capobjs : 8;
        PyObject **p = realloc(w->objs, cap * sizeof *p);
        if (!p)
            return py.PyErr_NoMemory(), -1;
        w->objs = p;
        w->capobjs = cap;
    }
    PyObject *name = py.PyObject_GetAttrString(py_type_of(o), "__qualname__");
    if (!name)
        return -1;
    uint64_t word = (uint64_t)o;
    int rc = put_word(w, PY_T_OBJECT, &word);
    if (!rc)
        rc = put_str(w, name);
    py.Py_DecRef(name);
    if (!rc) {
        py.Py_IncRef(o);
        w->objs[w->nobjs++] = o;
    }
    return rc;
}

static int encode(struct py_writer *, PyObject *, int depth);

static PyObject *list_item(PyObject *o, Py_ssize_t i) {
    if (py.PyList_GetItemRef)
        return py.PyList_GetItemRef(o, i);
    PyObject *v = py.PyList_GetItem(o, i);
    return v ? shared(v) : NULL;
}

static int put_sequence(struct py_writer *w, PyObject *o, int tag, int depth) {
    uint64_t n = (uint64_t)(tag == PY_T_LIST ? py.PyList_Size(o) : py.PyTuple_Size(o));
    int rc = put_word(w, tag, &n);
    for (uint64_t i = 0; !rc && i < n; i++) {
        PyObject *v = tag == PY_T_LIST ? list_item(o, (Py_ssize_t)i)
                                       : shared(py.PyTuple_GetItem(o, (Py_ssize_t)i));
        if (!v)
            return -1;
        rc = encode(w, v, depth + 1);
        py.Py_DecRef(v);
    }
    return rc;
}

static int put_items(struct py_writer *w, PyObject *o, int depth) {
    Py_ssize_t pos = 0;
    PyObject *k, *v;
    uint64_t n = (uint64_t)py.PyDict_Size(o), done = 0;
    int rc = put_word(w, PY_T_DICT, &n);
    while (!rc && done <= n && py.PyDict_Next(o, &pos, &k, &v)) {
        py.Py_IncRef(k);
        py.Py_IncRef(v);
        rc = encode(w, k, depth + 1);
        if (!rc)
            rc = encode(w, v, depth + 1);
        py.Py_DecRef(k);
        py.Py_DecRef(v);
        done++;
    }
    if (!rc && done != n) {
        py.PyErr_SetString(*py.PyExc_RuntimeError, "dictionary changed while it was read");
        rc = -1;
    }
    return rc;
}

static int put_dict(struct py_writer *w, PyObject *o, int depth) {
    if (!py_free_threaded())
        return put_items(w, o, depth);
    PyObject *copy = py.PyDict_Copy(o); // others may change it meanwhile
    int rc = copy ? put_items(w, copy, depth) : -1;
    if (copy)
        py.Py_DecRef(copy);
    return rc;
}

static int put_bytearray(struct py_writer *w, PyObject *o) {
    return put_blob(w, PY_T_BYTES, py.PyByteArray_AsString(o), (uint64_t)py.PyByteArray_Size(o));
}

static int put_bytes(struct py_writer *w, PyObject *o) {
    char *s;
    Py_ssize_t n;
    return py.PyBytes_AsStringAndSize(o, &s, &n) ? -1 : put_blob(w, PY_T_BYTES, s, (uint64_t)n);
}

static int put_tag(struct py_writer *w, int tag) {
    if (room(w, 1))
        return -1;
    *w->p++ = (uint8_t)tag;
    return 0;
}

static int encode(struct py_writer *w, PyObject *o, int depth) {
    PyObject *type = py_type_of(o);
    if (depth > PY_MAX_DEPTH)
        return too_deep();
    if (o == py._Py_NoneStruct)
        return put_tag(w, PY_T_NONE);
    if (o == py._Py_TrueStruct)
        return put_tag(w, PY_T_TRUE);
    if (o == py._Py_FalseStruct)
        return put_tag(w, PY_T_FALSE);
    if (type == py.PyLong_Type)
        return put_int(w, o);
    if (type == py.PyFloat_Type)
        return put_float(w, o);
    unsigned long flags = py.PyType_GetFlags(type);
    if (flags & Py_TPFLAGS_LONG)
        return put_int(w, o);
    if (flags & Py_TPFLAGS_STR)
        return put_str(w, o);
    if (flags & Py_TPFLAGS_LIST)
        return put_sequence(w, o, PY_T_LIST, depth);
    if (flags & Py_TPFLAGS_TUPLE)
        return put_sequence(w, o, PY_T_TUPLE, depth);
    if (flags & Py_TPFLAGS_DICT)
        return put_dict(w, o, depth);
    if (flags & Py_TPFLAGS_BYTES)
        return put_bytes(w, o);
    if (py.PyType_IsSubtype(type, py.PyFloat_Type))
        return put_float(w, o);
    if (py.PyType_IsSubtype(type, py.PyByteArray_Type))
        return put_bytearray(w, o);
    return put_object(w, o);
}

// One int is what most calls return: no writer is needed for it.
static int encode_small(struct py_frame *f, PyObject *o) {
    int overflow = 0;
    long long v;
    if (py_type_of(o) != py.PyLong_Type)
        return 0;
    v = py.PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow)
        return 0;
    f->buf[0] = PY_T_INT;
    memcpy(f->buf + 1, &v, 8);
    f->len = 9;
    return 1;
}

int py_encode(struct py_frame *f, PyObject *o) {
    if (encode_small(f, o))
        return 0;
    struct py_writer w = {.p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    int rc = encode(&w, o, 0);
    for (size_t i = 0; rc && i < w.nobjs; i++)
        py.Py_DecRef(w.objs[i]);
    free(w.objs);
    if (rc && w.heap)
        free(w.base);
    f->len = rc ? 0 : (uint64_t)(w.p - w.base);
    f->out = !rc && w.heap ? (uint64_t)w.base : 0;
    return rc;
}
