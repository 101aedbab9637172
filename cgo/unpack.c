// Go values -> Python objects, a whole graph in one crossing. The form is described in values.h.
#include <string.h>

#include "host.h"

int py_malformed(void) {
    py.PyErr_SetString(*py.PyExc_ValueError, "malformed value buffer");
    return -1;
}

int py_too_deep(void) {
    py.PyErr_SetString(*py.PyExc_ValueError, "value is nested deeper than 1000 levels or a cycle");
    return -1;
}

int py_read_u64(struct py_reader *r, uint64_t *v) {
    if (r->end - r->p < 8)
        return py_malformed();
    memcpy(v, r->p, 8);
    r->p += 8;
    return 0;
}

// A length of items that take at least `size` bytes each.
static int read_len(struct py_reader *r, uint64_t size, uint64_t *n) {
    if (py_read_u64(r, n))
        return -1;
    return *n > (uint64_t)(r->end - r->p) / size ? py_malformed() : 0;
}

// Before 3.14, which brought PyInitConfig, CPython reads text by words only where it is aligned.
#define ALIGNED 32
static __attribute__((noinline)) PyObject *decode_aligned(const uint8_t *p, uint64_t n) {
    _Alignas(ALIGNED) char text[ALIGNED];
    memcpy(text, p, ALIGNED);
    return py.PyUnicode_DecodeUTF8(text, (Py_ssize_t)n, "surrogateescape");
}

PyObject *py_decode_str(struct py_reader *r, uint64_t n) {
    const uint8_t *p = r->p;
    r->p += n;
    if (!py.PyInitConfig_Create && n >= 8 && n <= ALIGNED && r->end - p >= ALIGNED)
        return decode_aligned(p, n);
    return py.PyUnicode_DecodeUTF8((const char *)p, (Py_ssize_t)n, "surrogateescape");
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

// Most parts are numbers or short texts.
static inline PyObject *decode_part(struct py_reader *r, int depth) {
    size_t left = (size_t)(r->end - r->p);
    if (left > 2 && r->p[0] == PY_T_STR8 && left - 2 >= r->p[1]) {
        r->p += 2;
        return py_decode_str(r, r->p[-1]);
    }
    if (left > 8 && r->p[0] == PY_T_INT) {
        r->p++;
        return decode_int(r);
    }
    return py_decode(r, depth);
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
                                           : decode_part(r, depth + 1);
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
    PyObject *k = py_decode_key(r, depth + 1);
    PyObject *v = k ? decode_part(r, depth + 1) : NULL;
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

static PyObject *decode_struct(struct py_reader *r, int depth) {
    struct py_layout *l = py_read_layout(r);
    PyObject *o = l ? py.PyDict_New() : NULL;
    for (size_t i = 0; o && i < l->n; i++) {
        if (r->p < r->end && *r->p == PY_T_MISSING) {
            r->p++;
            continue;
        }
        PyObject *v = decode_part(r, depth + 1);
        if (!v || py.PyDict_SetItem(o, l->names[i], v)) {
            py.Py_DecRef(o);
            o = NULL;
        }
        if (v)
            py.Py_DecRef(v);
    }
    return o;
}

static PyObject *decode_blob(struct py_reader *r, int tag) {
    uint64_t n;
    PyObject *o;
    if (tag == PY_T_STR8) {
        n = r->p < r->end ? *r->p++ : 1;
        if (n > (uint64_t)(r->end - r->p))
            return py_malformed(), NULL;
        return py_decode_str(r, n);
    }
    if (read_len(r, 1, &n))
        return NULL;
    if (tag == PY_T_STR)
        return py_decode_str(r, n);
    if (tag == PY_T_BYTES)
        o = py.PyBytes_FromStringAndSize((const char *)r->p, (Py_ssize_t)n);
    else
        o = py._PyLong_FromByteArray(r->p, n, 1, 1);
    r->p += n;
    return o;
}

static PyObject *decode_set(struct py_reader *r, int depth) {
    uint64_t n;
    if (read_len(r, 1, &n))
        return NULL;
    PyObject *o = py.PySet_New(NULL);
    for (uint64_t i = 0; o && i < n; i++) {
        PyObject *v = py_decode(r, depth + 1);
        if (!v || py.PySet_Add(o, v)) {
            py.Py_DecRef(o);
            o = NULL;
        }
        if (v)
            py.Py_DecRef(v);
    }
    return o;
}

static PyObject *decode_complex(struct py_reader *r) {
    double d[2];
    if (r->end - r->p < 16)
        return py_malformed(), NULL;
    memcpy(d, r->p, 16);
    r->p += 16;
    return py.PyComplex_FromDoubles(d[0], d[1]);
}

// What Python's side makes of a plain value: see values.py.
static PyObject *decode_special(struct py_reader *r, int depth) {
    if (r->p >= r->end)
        return py_malformed(), NULL;
    PyObject *args[3] = {NULL, py.PyLong_FromLongLong(*r->p++), NULL}, *o = NULL;
    args[2] = args[1] ? py_decode(r, depth + 1) : NULL;
    if (args[2])
        o = py_vectorcall(r->in->names.make, args + 1, 2, NULL);
    for (int i = 1; i < 3; i++) {
        if (args[i])
            py.Py_DecRef(args[i]);
    }
    return o;
}

static PyObject *decode_far(struct py_reader *r) {
    uint64_t data, n;
    int tag = r->p < r->end ? *r->p++ : 0;
    if (!r->trusted)
        return py_malformed(), NULL;
    if (py_read_u64(r, &data) || py_read_u64(r, &n))
        return NULL;
    return tag == PY_T_STR
               ? py.PyUnicode_DecodeUTF8((const char *)data, (Py_ssize_t)n, "surrogateescape")
               : py.PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)n);
}

static PyObject *decode_ref(struct py_reader *r) {
    uint64_t v;
    if (!r->trusted)
        return py_malformed(), NULL;
    return py_read_u64(r, &v) ? NULL : py_hold((PyObject *)v);
}

static PyObject *decode_buffer(struct py_reader *r) {
    uint64_t v;
    if (!r->trusted)
        return py_malformed(), NULL;
    return py_read_u64(r, &v) ? NULL : py_export_object(r->in, (struct py_export *)v);
}

static PyObject *decode_go(struct py_reader *r, int tag) {
    uint64_t v, cls = 0;
    if (!r->trusted)
        return py_malformed(), NULL;
    if (py_read_u64(r, &v) || (tag == PY_T_GO && py_read_u64(r, &cls)))
        return NULL;
    return py_go_object(r->in, (struct py_go *)v, (PyObject *)cls);
}

PyObject *py_decode(struct py_reader *r, int depth) {
    if (depth > PY_MAX_DEPTH)
        return py_too_deep(), NULL;
    if (r->p >= r->end)
        return py_malformed(), NULL;
    int tag = *r->p++;
    switch (tag) {
    case PY_T_INT:
        return decode_int(r);
    case PY_T_NONE:
        return py_hold(py._Py_NoneStruct);
    case PY_T_FALSE:
        return py_hold(py._Py_FalseStruct);
    case PY_T_TRUE:
        return py_hold(py._Py_TrueStruct);
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
    case PY_T_STRUCT:
        return decode_struct(r, depth);
    case PY_T_SET:
        return decode_set(r, depth);
    case PY_T_COMPLEX:
        return decode_complex(r);
    case PY_T_SPECIAL:
        return decode_special(r, depth);
    case PY_T_FAR:
        return decode_far(r);
    case PY_T_REF:
        return decode_ref(r);
    case PY_T_FUNC:
    case PY_T_GO:
        return decode_go(r, tag);
    case PY_T_BUFFER:
        return decode_buffer(r);
    }
    return py_malformed(), NULL;
}

PyObject *py_decode_all(struct py_interp *in, const uint8_t *p, size_t len) {
    struct py_reader r = {.p = p, .end = p + len, .in = in};
    int collect = py_reader_begin(&r);
    PyObject *o = py_decode(&r, 0);
    if (o && r.p != r.end) {
        py_malformed();
        py.Py_DecRef(o);
        o = NULL;
    }
    py_reader_end(&r, collect);
    return o;
}
