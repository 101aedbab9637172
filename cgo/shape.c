// Shapes of Go's targets, and kinds of Python's classes: what is said once of a type, and not again
// for each value.
#include <stdlib.h>
#include <string.h>

#include "host.h"

// Needs no GIL. The fields, elem and key are set afterwards, before the shape is used.
struct py_shape *py_shape_new(struct py_interp *in, int kind, uint32_t n, const char *names,
                              size_t len) {
    struct py_shape *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->kind = kind;
    s->n = n;
    s->text = malloc(len + 1);
    s->fields = calloc(n + 1, sizeof *s->fields);
    if (!s->text || !s->fields) {
        free(s->text);
        free(s->fields);
        free(s);
        return NULL;
    }
    if (len)
        memcpy(s->text, names, len);
    pthread_mutex_lock(&in->mu);
    s->next = in->shapes;
    in->shapes = s;
    pthread_mutex_unlock(&in->mu);
    return s;
}

// i == n is elem, i == n + 1 key.
void py_shape_field(struct py_shape *s, uint32_t i, struct py_shape *of) {
    if (i < s->n)
        s->fields[i] = of;
    else if (i == s->n)
        s->elem = of;
    else
        s->key = of;
}

static void drop_refs(PyObject **p, uint32_t n) {
    while (n--)
        py.Py_DecRef(p[n]);
    free(p);
}

PyObject **py_shape_names(struct py_shape *s) {
    PyObject **names = get(&s->names), **none = NULL;
    const char *text = s->text;
    if (names)
        return names;
    if (!(names = calloc(s->n + 1, sizeof *names)))
        return py.PyErr_NoMemory(), NULL;
    for (uint32_t i = 0; i < s->n; i++, text += strlen(text) + 1) {
        if (!(names[i] = py.PyUnicode_InternFromString(text)))
            return drop_refs(names, i), NULL;
    }
    if (__atomic_compare_exchange_n(&s->names, &none, names, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return names;
    drop_refs(names, s->n); // on free-threaded builds another thread was first
    return none;
}

// Attached, in the end: nobody uses a shape any more.
void py_shapes_drop(struct py_interp *in) {
    for (struct py_shape *s = in->shapes, *next; s; s = next) {
        next = s->next;
        if (s->names)
            drop_refs(s->names, s->n);
        free(s->fields);
        free(s->text);
        free(s);
    }
    in->shapes = NULL;
    py_forget_kinds(in);
    free(in->kinds);
    in->kinds = NULL;
}

// Attached. Numbers are given in order, one at a time. The old table stays: others may look at it.
void py_class_shape(struct py_interp *in, uint64_t number, struct py_shape *s) {
    struct py_shape **p = calloc(number + 1, sizeof *p);
    if (!p)
        return;
    for (uint64_t i = 0; i < in->nclasses; i++)
        p[i] = in->classes[i];
    p[number] = s;
    put(&in->classes, p);
    put(&in->nclasses, number + 1);
    py_forget_kinds(in);
}

// The kinds of the classes met last. They are held, so that their addresses stay theirs: at most so
// many classes live longer than they would.
#define KINDS 256
struct py_kind_of {
    PyObject *type;
    int kind;
};

static int ask(struct py_interp *in, PyObject *type) {
    PyObject *args[2] = {NULL, type};
    int overflow, kind = -1;
    PyObject *o = py_vectorcall(in->names.classify, args + 1, 1, NULL);
    if (o) {
        kind = (int)py.PyLong_AsLongLongAndOverflow(o, &overflow);
        py.Py_DecRef(o);
    }
    return kind;
}

int py_kind(struct py_interp *in, PyObject *type) {
    if (py_free_threaded())
        return ask(in, type);
    if (!in->kinds && !(in->kinds = calloc(KINDS, sizeof *in->kinds)))
        return py.PyErr_NoMemory(), -1;
    struct py_kind_of *k = &in->kinds[((uintptr_t)type >> 4 ^ (uintptr_t)type >> 12) % KINDS];
    if (k->type == type)
        return k->kind;
    uint64_t asked = in->nclasses;
    int kind = ask(in, type); // may run others, which may come here, or register a class
    if (kind < 0 || asked != in->nclasses)
        return kind;
    PyObject *old = k->type;
    py.Py_IncRef(type);
    *k = (struct py_kind_of){type, kind};
    if (old)
        py.Py_DecRef(old);
    return kind;
}

void py_forget_kinds(struct py_interp *in) {
    for (int i = 0; in->kinds && i < KINDS; i++) {
        PyObject *type = in->kinds[i].type;
        in->kinds[i] = (struct py_kind_of){0};
        if (type)
            py.Py_DecRef(type);
    }
}
