// Lists, tuples, dicts and records -> Go.
#include <string.h>

#include "pack.h"

// Takes the reference; NULL is an error.
static int pack_new(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int rc = o ? py_pack(w, o, s, depth) : -1;
    if (o)
        py.Py_DecRef(o);
    return rc;
}

// Texts and numbers run no code of Python's when they are packed, and need not be held meanwhile.
// 1: it is something else.
static inline int pack_leaf(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *type = py_type_of(o);
    if (depth > PY_MAX_DEPTH || (s && s->kind == PY_S_OBJECT))
        return 1;
    if (type == py.PyUnicode_Type) {
        Py_ssize_t n;
        const char *text = py.PyUnicode_AsUTF8AndSize(o, &n);
        if (text && n < PY_FAR_MIN)
            return py_put_text(w, text, (uint64_t)n);
        py.PyErr_Clear(); // it has its turn again
        return 1;
    }
    return type == py.PyLong_Type    ? py_put_int(w, o)
           : type == py.PyFloat_Type ? py_put_float(w, o)
                                     : 1;
}

// A borrowed object.
static int pack_borrowed(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int rc = pack_leaf(w, o, s, depth);
    return rc > 0 ? pack_new(w, py_hold(o), s, depth) : rc;
}

// PyList_GetItem or PyTuple_GetItem: while no Python code runs, the container holds the item.
typedef PyObject *(*item_func)(PyObject *, Py_ssize_t);

// One word for each item, as long as they are all of the type that is wanted: how many that are.
// What does not change is kept at hand: this loop is what large lists take their time in. Inlined,
// it would have to share the registers.
#define ALONE static __attribute__((noinline))
ALONE uint64_t put_ints(uint8_t *p, PyObject *o, item_func at, uint64_t n) {
    long long (*value)(PyObject *, int *) = py.PyLong_AsLongLongAndOverflow;
    const PyObject *type = py.PyLong_Type;
    const size_t offset = py_type_offset;
    int overflow = 0;
    for (uint64_t i = 0; i < n; i++, p += 8) {
        PyObject *v = at(o, (Py_ssize_t)i);
        if (((PyObject **)v)[offset] != type)
            return i;
        long long word = value(v, &overflow);
        if (overflow)
            return i;
        memcpy(p, &word, 8);
    }
    return n;
}

ALONE uint64_t put_floats(uint8_t *p, PyObject *o, item_func at, uint64_t n) {
    double (*value)(PyObject *) = py.PyFloat_AsDouble;
    const PyObject *type = py.PyFloat_Type;
    const size_t offset = py_type_offset;
    for (uint64_t i = 0; i < n; i++, p += 8) {
        PyObject *v = at(o, (Py_ssize_t)i);
        if (((PyObject **)v)[offset] != type)
            return i;
        double word = value(v);
        memcpy(p, &word, 8);
    }
    return n;
}

// 1: not all of them are.
static int put_words(struct py_writer *w, PyObject *o, item_func at, uint64_t n, int kind) {
    if (room(w, 9 + 8 * n))
        return -1;
    uint64_t done =
        kind == PY_S_INTS ? put_ints(w->p + 9, o, at, n) : put_floats(w->p + 9, o, at, n);
    if (done < n)
        return 1;
    w->p[0] = kind == PY_S_INTS ? PY_T_INTS : PY_T_FLOATS;
    memcpy(w->p + 1, &n, 8);
    w->p += 9 + 8 * n;
    return 0;
}

// The first items that are short texts.
static int put_texts(struct py_writer *w, PyObject *o, item_func at, uint64_t n, uint64_t *i) {
    const PyObject *type = py.PyUnicode_Type;
    for (; *i < n; ++*i) {
        Py_ssize_t len;
        PyObject *v = at(o, (Py_ssize_t)*i);
        const char *s = v && py_type_of(v) == type ? py.PyUnicode_AsUTF8AndSize(v, &len) : NULL;
        if (!s || len > 255) {
            py.PyErr_Clear(); // it has its turn again
            return 0;
        }
        if (py_put_text(w, s, (uint64_t)len))
            return -1;
    }
    return 0;
}

// A list that Iter reads, class Batch of callbacks.py: what cannot be packed ends it, and is told
// to it; the items before that are not lost. Nobody else has it.
static int is_batch(PyObject *o) {
    PyObject *type = py_type_of(o);
    return type != py.PyList_Type && py.PyObject_HasAttrString(type, "pyhost_failed");
}

static int tell_batch(PyObject *o) {
    PyObject *e = py_take_exception(), *r = NULL;
    PyObject *name = e ? py.PyUnicode_InternFromString("pyhost_failed") : NULL;
    PyObject *args[3] = {NULL, o, e};
    if (name && (r = py.PyObject_VectorcallMethod(name, args + 1, 2, NULL)))
        py.Py_DecRef(r);
    if (name)
        py.Py_DecRef(name);
    if (e)
        py.Py_DecRef(e);
    return r ? 0 : -1;
}

static int put_batch(struct py_writer *w, PyObject *o, uint64_t n, struct py_shape *elem,
                     int depth) {
    size_t at = (size_t)(w->p - w->base) + 1;
    int rc = py_put_count(w, PY_T_LIST, n);
    for (uint64_t i = 0; !rc && i < n; i++) {
        struct py_mark before = py_writer_mark(w);
        PyObject *v = py.PyList_GetItem(o, (Py_ssize_t)i);
        if (v && !pack_borrowed(w, v, elem, depth + 1))
            continue;
        py_writer_back(w, before);
        memcpy(w->base + at, &i, 8);
        return tell_batch(o);
    }
    return rc;
}

static int put_sequence(struct py_writer *w, PyObject *o, item_func at, int tag, struct py_shape *s,
                        int depth) {
    int list = at == py.PyList_GetItem;
    uint64_t n = (uint64_t)(list ? py.PyList_Size(o) : py.PyTuple_Size(o)), i = 0;
    int kind = s ? s->kind : PY_S_ANY, rc = 1;
    if (kind == PY_S_STRUCT && tag == PY_T_TUPLE && n == s->n)
        return py_put_record(w, o, s, PY_T_TUPLE, depth);
    if (kind == PY_S_INTS || kind == PY_S_FLOATS)
        rc = put_words(w, o, at, n, kind);
    if (rc <= 0)
        return rc;
    struct py_shape *elem = kind == PY_S_SEQ ? s->elem : NULL;
    if (list && is_batch(o))
        return put_batch(w, o, n, elem, depth);
    rc = py_put_count(w, tag, n);
    if (!rc && elem && elem->kind == PY_S_TEXT)
        rc = put_texts(w, o, at, n, &i);
    for (; !rc && i < n; i++) {
        PyObject *v = at(o, (Py_ssize_t)i);
        rc = v ? pack_borrowed(w, v, elem, depth + 1) : -1;
    }
    return rc;
}

int py_put_sequence(struct py_writer *w, PyObject *o, int tag, struct py_shape *s, int depth) {
    if (tag == PY_T_TUPLE)
        return put_sequence(w, o, py.PyTuple_GetItem, tag, s, depth);
    if (!py_free_threaded() || is_batch(o))
        return put_sequence(w, o, py.PyList_GetItem, tag, s, depth);
    PyObject *copy = py.PyList_AsTuple(o); // others may change it meanwhile
    int rc = copy ? put_sequence(w, copy, py.PyTuple_GetItem, tag, s, depth) : -1;
    if (copy)
        py.Py_DecRef(copy);
    return rc;
}

// Whatever can be iterated. How many there are is known in the end only.
int py_put_iterable(struct py_writer *w, PyObject *o, int tag, struct py_shape *elem, int depth) {
    PyObject *it = py.PyObject_GetIter(o), *v;
    uint64_t n = 0;
    size_t at = (size_t)(w->p - w->base) + 1;
    int rc = it ? py_put_count(w, tag, 0) : -1;
    while (!rc && (v = py.PyIter_Next(it))) {
        rc = pack_new(w, v, elem, depth + 1);
        n++;
    }
    if (it)
        py.Py_DecRef(it);
    if (rc || py.PyErr_Occurred())
        return -1;
    memcpy(w->base + at, &n, 8);
    return 0;
}

static int put_items(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    struct py_shape *key = s ? s->key : NULL, *elem = s ? s->elem : NULL;
    Py_ssize_t pos = 0;
    PyObject *k, *v;
    uint64_t n = (uint64_t)py.PyDict_Size(o), done = 0;
    int rc = py_put_count(w, PY_T_DICT, n);
    while (!rc && done <= n && py.PyDict_Next(o, &pos, &k, &v)) {
        if ((rc = pack_leaf(w, k, key, depth + 1)) > 0) {
            py.Py_IncRef(v);
            rc = pack_new(w, py_hold(k), key, depth + 1);
            if (!rc)
                rc = py_pack(w, v, elem, depth + 1);
            py.Py_DecRef(v);
        } else if (!rc) {
            rc = pack_borrowed(w, v, elem, depth + 1);
        }
        done++;
    }
    if (!rc && (done != n || (uint64_t)py.PyDict_Size(o) != n)) {
        py.PyErr_SetString(*py.PyExc_RuntimeError, "dictionary changed while it was read");
        rc = -1;
    }
    return rc;
}

int py_put_dict(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int kind = s ? s->kind : PY_S_ANY;
    if (kind == PY_S_STRUCT)
        return py_put_record(w, o, s, PY_T_DICT, depth);
    if (kind != PY_S_MAP)
        s = NULL;
    if (!py_free_threaded())
        return put_items(w, o, s, depth);
    PyObject *copy = py.PyDict_Copy(o); // others may change it meanwhile
    int rc = copy ? put_items(w, copy, s, depth) : -1;
    if (copy)
        py.Py_DecRef(copy);
    return rc;
}

// A field: of a dict, by place in a tuple, or an attribute. NULL without an error: it has none.
static PyObject *field(PyObject *o, int source, PyObject *name, uint32_t i) {
    PyObject *v;
    switch (source) {
    case PY_T_TUPLE:
        return py_hold(py.PyTuple_GetItem(o, (Py_ssize_t)i));
    case PY_T_DICT:
        return py_dict_get(o, name);
    }
    v = py.PyObject_GetAttr(o, name);
    if (!v && py.PyErr_ExceptionMatches(*py.PyExc_AttributeError))
        py.PyErr_Clear();
    return v;
}

// An object that has none of the fields as attributes is no record.
int py_put_record(struct py_writer *w, PyObject *o, struct py_shape *s, int source, int depth) {
    PyObject **names = py_shape_names(s);
    size_t start = (size_t)(w->p - w->base);
    uint32_t found = 0;
    int rc = names ? py_put_count(w, PY_T_RECORD, s->n) : -1;
    for (uint32_t i = 0; !rc && i < s->n; i++) {
        PyObject *v = field(o, source, names[i], i);
        if (v) {
            found++;
            rc = pack_new(w, v, s->fields[i], depth + 1);
        } else {
            rc = py.PyErr_Occurred() ? -1 : py_put_tag(w, PY_T_MISSING);
        }
    }
    if (rc || found || !s->n || source != PY_T_OBJECT)
        return rc;
    w->p = w->base + start;
    return py_put_object(w, o);
}
