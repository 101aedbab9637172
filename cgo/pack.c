// Python objects -> Go values, a whole graph in one crossing. The form is described in values.h.
//
// A shape says what Go's target is made of. It never makes a value fit: where the object is
// something else it crosses as it is, and Go's half says where in the result that was.
#include <stdlib.h>
#include <string.h>

#include "pack.h"

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
        rc = py_put_object(w, o);
    } else {
        int what = (int)py.PyLong_AsLongLongAndOverflow(py.PyTuple_GetItem(r, 0), &overflow);
        rc = what == PY_V_PLAIN ? 0 : room(w, 2);
        if (!rc && what != PY_V_PLAIN) {
            *w->p++ = PY_T_SPECIAL;
            *w->p++ = (uint8_t)what;
            s = NULL;
        }
        if (!rc)
            rc = py_pack(w, py.PyTuple_GetItem(r, 1), s, depth + 1);
    }
    py.Py_DecRef(r);
    return rc;
}

static int put_mapping(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *dict = py.PyDict_New();
    int rc = dict && !py.PyDict_Update(dict, o) ? py_put_dict(w, dict, s, depth) : -1;
    if (dict)
        py.Py_DecRef(dict);
    return rc;
}

// An object without a form of its own takes the one that is wanted, where it can.
static int put_as_wanted(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *type = py_type_of(o);
    switch (s ? s->kind : PY_S_ANY) {
    case PY_S_STRUCT:
        return py_put_record(w, o, s, PY_T_OBJECT, depth);
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
            return py_put_iterable(w, o, PY_T_LIST, s->elem, depth);
    }
    return py_put_object(w, o);
}

static int put_instance(struct py_writer *w, PyObject *o, uint64_t number, struct py_shape *s,
                        int depth) {
    if (s && s->kind != PY_S_ANY)
        return put_as_wanted(w, o, s, depth);
    struct py_shape *of = number < get(&w->in->nclasses) ? get(&w->in->classes)[number] : NULL;
    if (!of) // not registered yet, or there was no memory for it
        return py_put_object(w, o);
    return py_put_count(w, PY_T_INSTANCE, number) ? -1
                                                  : py_put_record(w, o, of, PY_T_OBJECT, depth);
}

static int put_other(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    int kind = py_kind(w->in, py_type_of(o)), want = s ? s->kind : PY_S_ANY, rc = 1;
    struct py_shape *elem = want == PY_S_SEQ ? s->elem : want == PY_S_MAP ? s->key : NULL;
    switch (kind) {
    case -1:
        return -1;
    case PY_K_COMPLEX:
        return py_put_complex(w, o);
    case PY_K_SET:
        return py_put_iterable(w, o, PY_T_SET, elem, depth);
    case PY_K_ITEM:
    case PY_K_TIME:
        return put_plain(w, o, kind, s, depth);
    case PY_K_TEXT:
        return want >= PY_S_TEXT && want <= PY_S_DECIMAL ? put_plain(w, o, kind, s, depth)
                                                         : put_as_wanted(w, o, s, depth);
    case PY_K_BUFFER:
        if (want == PY_S_BYTES || want == PY_S_SEQ || want == PY_S_INTS || want == PY_S_FLOATS)
            rc = py_put_array(w, o, want == PY_S_BYTES);
        if (rc > 0 && want == PY_S_BYTES)
            rc = py_put_array(w, o, 0);
        return rc <= 0 ? rc : put_as_wanted(w, o, s, depth);
    case PY_K_OBJECT: {
        struct py_go *g = py_go_of(w->in, o);
        return g ? py_put_go(w, g) : py.PyErr_Occurred() ? -1 : put_as_wanted(w, o, s, depth);
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
        return py_put_int(w, o);
    if (flags & Py_TPFLAGS_STR)
        return py_put_str(w, o);
    if (flags & Py_TPFLAGS_LIST)
        return py_put_sequence(w, o, PY_T_LIST, s, depth);
    if (flags & Py_TPFLAGS_TUPLE)
        return s && s->kind == PY_S_STRUCT && has_fields(type)
                   ? py_put_record(w, o, s, PY_T_OBJECT, depth)
                   : py_put_sequence(w, o, PY_T_TUPLE, s, depth);
    if (flags & Py_TPFLAGS_DICT)
        return py_put_dict(w, o, s, depth);
    if (flags & Py_TPFLAGS_BYTES)
        return py_put_bytes(w, o);
    if (py.PyType_IsSubtype(type, py.PyFloat_Type))
        return py_put_float(w, o);
    if (py.PyType_IsSubtype(type, py.PyByteArray_Type))
        return py_put_bytearray(w, o);
    return put_other(w, o, s, depth);
}

int py_pack(struct py_writer *w, PyObject *o, struct py_shape *s, int depth) {
    PyObject *type = py_type_of(o);
    if (depth > PY_MAX_DEPTH)
        return py_too_deep();
    if (o == py._Py_NoneStruct)
        return py_put_tag(w, PY_T_NONE);
    if (s && s->kind == PY_S_OBJECT)
        return py_put_object(w, o);
    if (o == py._Py_TrueStruct)
        return py_put_tag(w, PY_T_TRUE);
    if (o == py._Py_FalseStruct)
        return py_put_tag(w, PY_T_FALSE);
    if (type == py.PyLong_Type)
        return py_put_int(w, o);
    if (type == py.PyFloat_Type)
        return py_put_float(w, o);
    if (type == py.PyUnicode_Type)
        return py_put_str(w, o);
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

static int finish(struct py_writer *w, struct py_frame *f, int rc) {
    if (rc)
        py_writer_undo(w);
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
    return finish(&w, f, py_pack(&w, o, (struct py_shape *)f->shape, 0));
}

// The arguments of a Go function: from `last` on all have the shape of the last parameter. One that
// is not given is NULL.
int py_encode_args(struct py_interp *in, struct py_frame *f, PyObject *const *args,
                   struct py_param *params, size_t n, size_t last) {
    struct py_writer w = {.in = in, .p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++)
        rc = args[i] ? py_pack(&w, args[i], params[i < last ? i : last].shape, 0)
                     : py_put_tag(&w, PY_T_MISSING);
    return finish(&w, f, rc);
}

// A short text that is no object.
int py_encode_text(struct py_frame *f, const char *text) {
    struct py_writer w = {.p = f->buf, .base = f->buf, .end = f->buf + PY_FRAME_BUF};
    py_put_text(&w, text, strlen(text));
    f->len = (uint64_t)(w.p - w.base);
    return 0;
}
