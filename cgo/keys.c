// What recurs in a buffer of Go's and is kept while that is read: keys of dicts, names of fields.
#include <stdlib.h>
#include <string.h>

#include "host.h"

// Keys recur: those of short text are made once for a buffer, and hashed once; not in one so short
// that this would cost more than it saves.
#define FEW 200
PyObject *py_decode_key(struct py_reader *r, int depth) {
    if (r->end - r->p < 2 || r->p[0] != PY_T_STR8 || r->p[1] > 32 || r->end - r->p - 2 < r->p[1])
        return py_decode(r, depth);
    if (!r->keys && (r->end - r->p < FEW || !(r->keys = calloc(PY_KEYS, sizeof *r->keys))))
        return py_decode(r, depth);
    size_t n = r->p[1];
    const uint8_t *text = r->p + 2;
    unsigned slot = n ? (unsigned)(text[0] * 7 + text[n - 1] * 31 + text[n / 2] * 3 + n) : 0;
    struct py_key *k = &r->keys[slot % PY_KEYS];
    if (k->key && k->len == n && !memcmp(k->text, text, n)) {
        r->p += n + 2;
        return py_hold(k->key);
    }
    r->p += 2;
    PyObject *key = py_decode_str(r, n);
    if (!key)
        return NULL;
    if (k->key)
        py.Py_DecRef(k->key);
    *k = (struct py_key){py_hold(key), text, n};
    return key;
}

// The names of a struct's fields, which come with the first of its type.
struct py_layouts {
    size_t n;
    struct py_layout of[PY_LAYOUTS];
};

static int read_names(struct py_reader *r, struct py_layout *l) {
    size_t n = r->p < r->end ? *r->p++ : 0;
    if (!(l->names = calloc(n + 1, sizeof *l->names)))
        return py.PyErr_NoMemory(), -1;
    for (; l->n < n; l->n++) {
        if (r->p >= r->end || r->end - r->p - 1 < *r->p)
            return py_malformed();
        r->p++;
        if (!(l->names[l->n] = py_decode_str(r, r->p[-1])))
            return -1;
    }
    return 0;
}

struct py_layout *py_read_layout(struct py_reader *r) {
    size_t i = r->p < r->end ? *r->p++ : PY_LAYOUTS;
    if (!r->layouts && !(r->layouts = calloc(1, sizeof *r->layouts)))
        return (void *)py.PyErr_NoMemory();
    if (i > r->layouts->n || i >= PY_LAYOUTS)
        return py_malformed(), NULL;
    struct py_layout *l = &r->layouts->of[i];
    if (i < r->layouts->n)
        return l;
    r->layouts->n++;
    return read_names(r, l) ? NULL : l;
}

static void drop_layouts(struct py_layouts *l) {
    for (size_t i = 0; l && i < l->n; i++) {
        while (l->of[i].n)
            py.Py_DecRef(l->of[i].names[--l->of[i].n]);
        free(l->of[i].names);
    }
    free(l);
}

// Gives up what the reader keeps: after the last value.
void py_reader_end(struct py_reader *r, int collect) {
    if (collect)
        py.PyGC_Enable();
    for (size_t i = 0; r->keys && i < PY_KEYS; i++) {
        if (r->keys[i].key)
            py.Py_DecRef(r->keys[i].key);
    }
    free(r->keys);
    r->keys = NULL;
    drop_layouts(r->layouts);
    r->layouts = NULL;
}

// New objects are no garbage yet: what is long is made without collections in between. Nobody else
// runs meanwhile, but for the constructor of a value that has a class of its own. Not on
// free-threaded builds: others run, and no collection begins in C code there.
#define LONG (16 << 10)
int py_reader_begin(struct py_reader *r) {
    return r->end - r->p > LONG && !py_free_threaded() && py.PyGC_Disable && py.PyGC_Disable();
}
