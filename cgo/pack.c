// Python objects -> Go values, a whole graph in one crossing. The form is described in host.h.
//
// A shape says what Go's target is made of. It never makes a value fit: where the object is
// something else it crosses as it is, and Go's half says where in the result that was.
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct py_handed { // one of them
    PyObject *obj;
    struct py_go *go;
};

struct py_writer {
    uint8_t *p, *end, *base;
    int heap; // base is malloc'd
    struct py_interp *in;
    struct py_handed *handed; // what is handed over, to be taken back if encoding fails
    size_t nhanded, caphanded;
    struct py_far *far;
    size_t nfar;
};

// A block for results that do not fit into the frame. One of the last is kept: malloc would give its
// pages back to the system and fault them in again, which costs more than to fill them.
struct block {
    size_t cap;
    _Alignas(16) uint8_t data[];
};
#define KEPT_BLOCK (1 << 20)
static struct block *spare; // atomic

static struct block *block_of(uint8_t *data) {
    return (struct block *)(data - offsetof(struct block, data));
}

static struct block *new_block(size_t cap) {
    struct block *b = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQ_REL);
    if (b && b->cap >= cap)
        return b;
    free(b);
    if ((b = malloc(sizeof *b + cap)))
        b->cap = cap;
    return b;
}

void py_free_out(uint64_t out) {
    struct block *b = block_of((uint8_t *)out);
    if (b->cap <= KEPT_BLOCK)
        b = __atomic_exchange_n(&spare, b, __ATOMIC_ACQ_REL);
    free(b);
}

static int grow(struct py_writer *w, size_t n) {
    size_t len = (size_t)(w->p - w->base), cap = (size_t)(w->end - w->base);
    cap = len + n > 2 * cap ? len + n : 2 * cap;
    struct block *b = w->heap ? realloc(block_of(w->base), sizeof *b + cap) : new_block(cap);
    if (!b) {
        py.PyErr_NoMemory();
        return -1;
    }
    if (w->heap)
        b->cap = cap;
    else
        memcpy(b->data, w->base, len);
    w->heap = 1;
    w->base = b->data;
    w->p = b->data + len;
    w->end = b->data + b->cap;
    return 0;
}

static inline int room(struct py_writer *w, size_t n) {
    return (size_t)(w->end - w->p) >= n ? 0 : grow(w, n);
}

static int put_tag(struct py_writer *w, int tag) {
    if (room(w, 1))
        return -1;
    *w->p++ = (uint8_t)tag;
    return 0;
}

static int put_word(struct py_writer *w, int tag, const void *word) {
    if (room(w, 9))
        return -1;
    *w->p = (uint8_t)tag;
    memcpy(w->p + 1, word, 8);
    w->p += 9;
    return 0;
}

static int put_count(struct py_writer *w, int tag, uint64_t n) {
    return put_word(w, tag, &n);
}

// The object, which is immutable, is held until Go has copied the blob.
static int put_far(struct py_writer *w, int tag, PyObject *o, const char *s, uint64_t n) {
    struct py_far *far = realloc(w->far, (w->nfar + 1) * sizeof *far);
    if (!far)
        return py.PyErr_NoMemory(), -1;
    w->far = far;
    uint8_t t = (uint8_t)tag;
    if (put_tag(w, PY_T_FAR) || put_word(w, t, &w->nfar))
        return -1;
    py.Py_IncRef(o);
    far[w->nfar++] = (struct py_far){(uint64_t)o, (uint64_t)s, n};
    return 0;
}

static int put_blob(struct py_writer *w, int tag, const char *s, uint64_t n) {
    if (put_count(w, tag, n) || room(w, n))
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
    if (!s)
        return put_surrogates(w, o);
    return n < PY_FAR_MIN ? put_text(w, s, (uint64_t)n) : put_far(w, PY_T_STR, o, s, (uint64_t)n);
}

static int put_big(struct py_writer *w, PyObject *o) {
    uint64_t n = py._PyLong_NumBits(o) / 8 + 1;
    if (put_count(w, PY_T_BIG, n) || room(w, n))
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

static int put_complex(struct py_writer *w, PyObject *o) {
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
    int rc = good ? put_str(w, name) : put_text(w, "object", 6);
    if (name)
        py.Py_DecRef(name);
    return rc;
}

// Room for one more of what is handed over.
static int more_handed(struct py_writer *w) {
    if (w->nhanded < w->caphanded)
        return 0;
    size_t cap = w->caphanded ? 2 * w->caphanded : 8;
    struct py_handed *p = realloc(w->handed, cap * sizeof *p);
    if (!p)
        return py.PyErr_NoMemory(), -1;
    w->handed = p;
    w->caphanded = cap;
    return 0;
}

static int put_object(struct py_writer *w, PyObject *o) {
    int rc =
        more_handed(w) || put_count(w, PY_T_OBJECT, (uint64_t)o) || put_type_name(w, py_type_of(o));
    if (!rc) {
        py.Py_IncRef(o);
        w->handed[w->nhanded++] = (struct py_handed){.obj = o};
    }
    return rc ? -1 : 0;
}

// Go gets a hold on the value that the object stands for.
static int put_go(struct py_writer *w, struct py_go *g) {
    if (more_handed(w) || put_count(w, PY_T_GO, (uint64_t)g))
        return -1;
    add(&g->refs, 1);
    w->handed[w->nhanded++] = (struct py_handed){.go = g};
    return 0;
}

static int encode(struct py_writer *, PyObject *, struct py_shape *, int depth);

// Takes the reference; NULL is an error.
static int encode_new(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int rc = o ? encode(w, o, s, depth) : -1;
    if (o)
        py.Py_DecRef(o);
    return rc;
}

static PyObject *item(PyObject *o, int tag, Py_ssize_t i) {
    if (tag == PY_T_TUPLE)
        return py_hold(py.PyTuple_GetItem(o, i));
    if (py_free_threaded())
        return py.PyList_GetItemRef(o, i);
    return py_hold(py.PyList_GetItem(o, i));
}

// The same, borrowed: while no Python code runs, the list holds it. Not on free-threaded builds.
static inline PyObject *peek(PyObject *o, int tag, Py_ssize_t i) {
    return tag == PY_T_TUPLE ? py.PyTuple_GetItem(o, i) : py.PyList_GetItem(o, i);
}

// One word for each item, as long as they are all of the type that is wanted: how many that are. What
// does not change is kept at hand: this loop is what large lists take their time in.
static uint64_t put_ints(uint8_t *p, PyObject *o, PyObject *(*at)(PyObject *, Py_ssize_t),
                         uint64_t n) {
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

static uint64_t put_floats(uint8_t *p, PyObject *o, PyObject *(*at)(PyObject *, Py_ssize_t),
                           uint64_t n) {
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
static int put_words(struct py_writer *w, PyObject *o, int tag, uint64_t n, int kind) {
    PyObject *(*at)(PyObject *, Py_ssize_t) =
        tag == PY_T_TUPLE ? py.PyTuple_GetItem : py.PyList_GetItem;
    if (py_free_threaded())
        return 1;
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
static int put_texts(struct py_writer *w, PyObject *o, int tag, uint64_t n, uint64_t *i) {
    for (; !py_free_threaded() && *i < n; ++*i) {
        Py_ssize_t len;
        PyObject *v = peek(o, tag, (Py_ssize_t)*i);
        const char *s =
            v && py_type_of(v) == py.PyUnicode_Type ? py.PyUnicode_AsUTF8AndSize(v, &len) : NULL;
        if (!s || len > 255) {
            py.PyErr_Clear(); // it has its turn again
            return 0;
        }
        if (put_text(w, s, (uint64_t)len))
            return -1;
    }
    return 0;
}

static int put_record(struct py_writer *, PyObject *, struct py_shape *, int source, int depth);

static int put_sequence(struct py_writer *w, PyObject *o, int tag, struct py_shape *s, int depth) {
    uint64_t n = (uint64_t)(tag == PY_T_LIST ? py.PyList_Size(o) : py.PyTuple_Size(o));
    int kind = s ? s->kind : PY_S_ANY, rc = 1;
    if (kind == PY_S_STRUCT && tag == PY_T_TUPLE && n == s->n)
        return put_record(w, o, s, PY_T_TUPLE, depth);
    if (kind == PY_S_INTS || kind == PY_S_FLOATS)
        rc = put_words(w, o, tag, n, kind);
    if (rc <= 0)
        return rc;
    struct py_shape *elem = kind == PY_S_SEQ ? s->elem : NULL;
    uint64_t i = 0;
    rc = put_count(w, tag, n);
    if (!rc && elem && elem->kind == PY_S_TEXT)
        rc = put_texts(w, o, tag, n, &i);
    for (; !rc && i < n; i++)
        rc = encode_new(w, item(o, tag, (Py_ssize_t)i), elem, depth + 1);
    return rc;
}

// Whatever can be iterated. How many there are is known in the end only.
static int put_iterable(struct py_writer *w, PyObject *o, int tag, struct py_shape *elem,
                        int depth) {
    PyObject *it = py.PyObject_GetIter(o), *v;
    uint64_t n = 0;
    size_t at = (size_t)(w->p - w->base) + 1;
    int rc = it ? put_count(w, tag, 0) : -1;
    while (!rc && (v = py.PyIter_Next(it))) {
        rc = encode_new(w, v, elem, depth + 1);
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
    int rc = put_count(w, PY_T_DICT, n);
    while (!rc && done <= n && py.PyDict_Next(o, &pos, &k, &v)) {
        py.Py_IncRef(v);
        rc = encode_new(w, py_hold(k), key, depth + 1);
        if (!rc)
            rc = encode(w, v, elem, depth + 1);
        py.Py_DecRef(v);
        done++;
    }
    if (!rc && (done != n || (uint64_t)py.PyDict_Size(o) != n)) {
        py.PyErr_SetString(*py.PyExc_RuntimeError, "dictionary changed while it was read");
        rc = -1;
    }
    return rc;
}

static int put_dict(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int kind = s ? s->kind : PY_S_ANY;
    if (kind == PY_S_STRUCT)
        return put_record(w, o, s, PY_T_DICT, depth);
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
        return py_hold(py.PyDict_GetItemWithError(o, name));
    }
    v = py.PyObject_GetAttr(o, name);
    if (!v && py.PyErr_ExceptionMatches(*py.PyExc_AttributeError))
        py.PyErr_Clear();
    return v;
}

// An object that has none of the fields as attributes is no record.
static int put_record(struct py_writer *w, PyObject *o, struct py_shape *s, int source, int depth) {
    PyObject **names = py_shape_names(s);
    size_t start = (size_t)(w->p - w->base);
    uint32_t found = 0;
    int rc = names ? put_count(w, PY_T_RECORD, s->n) : -1;
    for (uint32_t i = 0; !rc && i < s->n; i++) {
        PyObject *v = field(o, source, names[i], i);
        if (v) {
            found++;
            rc = encode_new(w, v, s->fields[i], depth + 1);
        } else {
            rc = py.PyErr_Occurred() ? -1 : put_tag(w, PY_T_MISSING);
        }
    }
    if (rc || found || !s->n || source != PY_T_OBJECT)
        return rc;
    w->p = w->base + start;
    return put_object(w, o);
}

static int put_bytearray(struct py_writer *w, PyObject *o) {
    return put_blob(w, PY_T_BYTES, py.PyByteArray_AsString(o), (uint64_t)py.PyByteArray_Size(o));
}

static int put_bytes(struct py_writer *w, PyObject *o) {
    char *s;
    Py_ssize_t n;
    if (py.PyBytes_AsStringAndSize(o, &s, &n))
        return -1;
    return n < PY_FAR_MIN ? put_blob(w, PY_T_BYTES, s, (uint64_t)n)
                          : put_far(w, PY_T_BYTES, o, s, (uint64_t)n);
}

// The letter of numpy's kind for a format of the struct module; 0: not one that Go could read.
static int array_kind(const Py_buffer *b) {
    const char *f = b->format ? b->format : "B";
    if (*f == '@' || *f == '=' || *f == '<')
        f++;
    if (!strcmp(f, "Zf") || !strcmp(f, "Zd"))
        return 'c';
    if (!*f || f[1])
        return 0;
    return *f == '?'              ? 'b'
           : strchr("bhilqn", *f) ? 'i'
           : strchr("BHILQN", *f) ? 'u'
           : strchr("efd", *f)    ? 'f'
                                  : 0;
}

static int put_items_of(struct py_writer *w, Py_buffer *b, int kind, int bytes) {
    uint64_t n = (uint64_t)b->len;
    if (bytes) {
        if (put_count(w, PY_T_BYTES, n) || room(w, n))
            return -1;
    } else {
        size_t head = 4 + 8 * (size_t)b->ndim;
        if (room(w, head + n))
            return -1;
        w->p[0] = PY_T_ARRAY;
        w->p[1] = (uint8_t)kind;
        w->p[2] = (uint8_t)b->itemsize;
        w->p[3] = (uint8_t)b->ndim;
        memcpy(w->p + 4, b->shape, 8 * (size_t)b->ndim);
        w->p += head;
    }
    if (py.PyBuffer_ToContiguous(w->p, b, b->len, 'C'))
        return -1;
    w->p += n;
    return 0;
}

// 1: it is no array that could cross as such.
static int put_array(struct py_writer *w, PyObject *o, int bytes) {
    Py_buffer b;
    int rc = 1;
    if (py.PyObject_GetBuffer(o, &b, PyBUF_RECORDS_RO)) {
        py.PyErr_Clear();
        return 1;
    }
    int kind = array_kind(&b), letters = b.format && !strcmp(b.format, "c");
    if (bytes ? b.itemsize == 1 && b.ndim <= 1 && (kind == 'u' || letters)
              : kind && b.ndim > 0 && b.ndim < 32 && b.itemsize <= 16)
        rc = put_items_of(w, &b, kind, bytes);
    py.PyBuffer_Release(&b);
    return rc;
}

// What values.py makes of it: (PY_V_*, a plain value), or None if it has no such form.
static int put_plain(struct py_writer *w, PyObject *o, int kind, struct py_shape *s, int depth) {
    int want = s ? s->kind : PY_S_ANY, overflow, rc;
    PyObject *args[4] = {NULL, py.PyLong_FromLongLong(kind), py.PyLong_FromLongLong(want), o};
    PyObject *r = args[1] && args[2] ? py_vectorcall(w->in->names.plain, args + 1, 3, NULL) : NULL;
    for (int i = 1; i < 3; i++) {
        if (args[i])
            py.Py_DecRef(args[i]);
    }
    if (!r)
        return -1;
    if (r == py._Py_NoneStruct) {
        rc = put_object(w, o);
    } else {
        int what = (int)py.PyLong_AsLongLongAndOverflow(py.PyTuple_GetItem(r, 0), &overflow);
        rc = what == PY_V_PLAIN ? 0 : room(w, 2);
        if (!rc && what != PY_V_PLAIN) {
            *w->p++ = PY_T_SPECIAL;
            *w->p++ = (uint8_t)what;
            s = NULL;
        }
        if (!rc)
            rc = encode(w, py.PyTuple_GetItem(r, 1), s, depth + 1);
    }
    py.Py_DecRef(r);
    return rc;
}

static int put_mapping(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *dict = py.PyDict_New();
    int rc = dict && !py.PyDict_Update(dict, o) ? put_dict(w, dict, s, depth) : -1;
    if (dict)
        py.Py_DecRef(dict);
    return rc;
}

// An object without a form of its own takes the one that is wanted, where it can.
static int put_as_wanted(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *type = py_type_of(o);
    switch (s ? s->kind : PY_S_ANY) {
    case PY_S_STRUCT:
        return put_record(w, o, s, PY_T_OBJECT, depth);
    case PY_S_MAP:
        if (py.PyObject_HasAttrString(type, "keys") &&
            py.PyObject_HasAttrString(type, "__getitem__"))
            return put_mapping(w, o, s, depth);
        break;
    case PY_S_SEQ:
    case PY_S_INTS:
    case PY_S_FLOATS:
    case PY_S_BYTES:
        if (py.PyObject_HasAttrString(type, "__iter__") ||
            py.PyObject_HasAttrString(type, "__getitem__"))
            return put_iterable(w, o, PY_T_LIST, s->elem, depth);
    }
    return put_object(w, o);
}

static int put_instance(struct py_writer *w, PyObject *o, uint64_t number, struct py_shape *s,
                        int depth) {
    if (s && s->kind != PY_S_ANY)
        return put_as_wanted(w, o, s, depth);
    if (number >= get(&w->in->nclasses))
        return put_object(w, o);
    return put_count(w, PY_T_INSTANCE, number)
               ? -1
               : put_record(w, o, get(&w->in->classes)[number], PY_T_OBJECT, depth);
}

static int put_other(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int kind = py_kind(w->in, py_type_of(o)), want = s ? s->kind : PY_S_ANY, rc = 1;
    struct py_shape *elem = want == PY_S_SEQ ? s->elem : want == PY_S_MAP ? s->key : NULL;
    switch (kind) {
    case -1:
        return -1;
    case PY_K_COMPLEX:
        return put_complex(w, o);
    case PY_K_SET:
        return put_iterable(w, o, PY_T_SET, elem, depth);
    case PY_K_ITEM:
    case PY_K_TIME:
        return put_plain(w, o, kind, s, depth);
    case PY_K_TEXT:
        return want >= PY_S_TEXT && want <= PY_S_DECIMAL ? put_plain(w, o, kind, s, depth)
                                                         : put_as_wanted(w, o, s, depth);
    case PY_K_BUFFER:
        if (want == PY_S_BYTES || want == PY_S_SEQ || want == PY_S_INTS || want == PY_S_FLOATS)
            rc = put_array(w, o, want == PY_S_BYTES);
        if (rc > 0 && want == PY_S_BYTES)
            rc = put_array(w, o, 0);
        return rc <= 0 ? rc : put_as_wanted(w, o, s, depth);
    case PY_K_OBJECT: {
        struct py_go *g = py_go_of(w->in, o);
        return g ? put_go(w, g) : py.PyErr_Occurred() ? -1 : put_as_wanted(w, o, s, depth);
    }
    }
    return put_instance(w, o, (uint64_t)(kind - PY_K_CLASSES), s, depth);
}

static int has_fields(PyObject *type) {
    return py.PyObject_HasAttrString(type, "_fields");
}

// Values of built-in types and of classes that derive from them: by their own contents, whatever
// their methods say.
static int put_derived(struct py_writer *w, PyObject *o, PyObject *type, struct py_shape *s,
                       int depth) {
    unsigned long flags = py.PyType_GetFlags(type);
    if (flags & Py_TPFLAGS_LONG)
        return put_int(w, o);
    if (flags & Py_TPFLAGS_STR)
        return put_str(w, o);
    if (flags & Py_TPFLAGS_LIST)
        return put_sequence(w, o, PY_T_LIST, s, depth);
    if (flags & Py_TPFLAGS_TUPLE)
        return s && s->kind == PY_S_STRUCT && has_fields(type)
                   ? put_record(w, o, s, PY_T_OBJECT, depth)
                   : put_sequence(w, o, PY_T_TUPLE, s, depth);
    if (flags & Py_TPFLAGS_DICT)
        return put_dict(w, o, s, depth);
    if (flags & Py_TPFLAGS_BYTES)
        return put_bytes(w, o);
    if (py.PyType_IsSubtype(type, py.PyFloat_Type))
        return put_float(w, o);
    if (py.PyType_IsSubtype(type, py.PyByteArray_Type))
        return put_bytearray(w, o);
    return put_other(w, o, s, depth);
}

static int encode(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *type = py_type_of(o);
    if (depth > PY_MAX_DEPTH)
        return py_too_deep();
    if (o == py._Py_NoneStruct)
        return put_tag(w, PY_T_NONE);
    if (s && s->kind == PY_S_OBJECT)
        return put_object(w, o);
    if (o == py._Py_TrueStruct)
        return put_tag(w, PY_T_TRUE);
    if (o == py._Py_FalseStruct)
        return put_tag(w, PY_T_FALSE);
    if (type == py.PyLong_Type)
        return put_int(w, o);
    if (type == py.PyFloat_Type)
        return put_float(w, o);
    if (type == py.PyUnicode_Type)
        return put_str(w, o);
    return put_derived(w, o, type, s, depth);
}

// One int is what most calls return: no writer is needed for it.
static int encode_small(struct py_frame *f, PyObject *o) {
    int overflow = 0;
    long long v;
    if (py_type_of(o) != py.PyLong_Type || f->shape)
        return 0;
    v = py.PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow)
        return 0;
    f->buf[0] = PY_T_INT;
    memcpy(f->buf + 1, &v, 8);
    f->len = 9;
    return 1;
}

static void undo(struct py_writer *w) {
    for (size_t i = 0; i < w->nhanded; i++) {
        if (w->handed[i].obj)
            py.Py_DecRef(w->handed[i].obj);
        else
            py_go_release(w->handed[i].go);
    }
    for (size_t i = 0; i < w->nfar; i++)
        py.Py_DecRef((PyObject *)w->far[i].obj);
    free(w->far);
    if (w->heap)
        py_free_out((uint64_t)w->base);
}

static int finish(struct py_writer *w, struct py_frame *f, int rc) {
    if (rc)
        undo(w);
    free(w->handed);
    f->len = rc ? 0 : (uint64_t)(w->p - w->base);
    f->out = !rc && w->heap ? (uint64_t)w->base : 0;
    f->far = rc ? 0 : (uint64_t)w->far;
    f->nfar = rc ? 0 : w->nfar;
    return rc;
}

int py_encode(struct py_interp *in, struct py_frame *f, PyObject *o) {
    if (encode_small(f, o))
        return 0;
    struct py_writer w = {.in = in, .p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    return finish(&w, f, encode(&w, o, (struct py_shape *)f->shape, 0));
}

// The arguments of a Go function: from `last` on all have the shape of the last parameter. One that
// is not given is NULL.
int py_encode_args(struct py_interp *in, struct py_frame *f, PyObject *const *args,
                   struct py_param *params, size_t n, size_t last) {
    struct py_writer w = {.in = in, .p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = args[i] ? encode(&w, args[i], params[i < last ? i : last].shape, 0)
                     : put_tag(&w, PY_T_MISSING);
    return finish(&w, f, rc);
}

// A short text that is no object.
int py_encode_text(struct py_frame *f, const char *text) {
    struct py_writer w = {.p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    put_text(&w, text, strlen(text));
    f->len = (uint64_t)(w.p - w.base);
    return 0;
}
