// How objects are packed for Go, shared by pack*.c: each py_put_* appends one value, and returns 0,
// or -1 and an error.
#ifndef PYHOST_PACK_H
#define PYHOST_PACK_H

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

// A place in what is written.
struct py_mark {
    size_t len, nhanded, nfar;
};

int py_writer_grow(struct py_writer *w, size_t n);
int py_put_far(struct py_writer *w, int tag, PyObject *o, const char *s, uint64_t n);
int py_put_blob(struct py_writer *w, int tag, const char *s, uint64_t n);
int py_put_text(struct py_writer *w, const char *s, uint64_t n);
int py_writer_hand(struct py_writer *w);
void py_writer_back(struct py_writer *w, struct py_mark m);
void py_writer_undo(struct py_writer *w);
int py_put_str(struct py_writer *w, PyObject *o);
int py_put_int(struct py_writer *w, PyObject *o);
int py_put_float(struct py_writer *w, PyObject *o);
int py_put_complex(struct py_writer *w, PyObject *o);
int py_put_object(struct py_writer *w, PyObject *o);
int py_put_go(struct py_writer *w, struct py_go *g);
int py_put_bytearray(struct py_writer *w, PyObject *o);
int py_put_bytes(struct py_writer *w, PyObject *o);
int py_put_array(struct py_writer *w, PyObject *o, int bytes);
int py_put_sequence(struct py_writer *w, PyObject *o, int tag, struct py_shape *s, int depth);
int py_put_iterable(struct py_writer *w, PyObject *o, int tag, struct py_shape *elem, int depth);
int py_put_dict(struct py_writer *w, PyObject *o, struct py_shape *s, int depth);
int py_put_record(struct py_writer *w, PyObject *o, struct py_shape *s, int source, int depth);
int py_pack(struct py_writer *w, PyObject *o, struct py_shape *s, int depth);

// Room for n bytes more.
static inline int room(struct py_writer *w, size_t n) {
    return (size_t)(w->end - w->p) >= n ? 0 : py_writer_grow(w, n);
}

static inline struct py_mark py_writer_mark(struct py_writer *w) {
    return (struct py_mark){(size_t)(w->p - w->base), w->nhanded, w->nfar};
}

static inline int py_put_tag(struct py_writer *w, int tag) {
    if (room(w, 1))
        return -1;
    *w->p++ = (uint8_t)tag;
    return 0;
}

static inline int py_put_word(struct py_writer *w, int tag, const void *word) {
    if (room(w, 9))
        return -1;
    *w->p = (uint8_t)tag;
    memcpy(w->p + 1, word, 8);
    w->p += 9;
    return 0;
}

static inline int py_put_count(struct py_writer *w, int tag, uint64_t n) {
    return py_put_word(w, tag, &n);
}

#endif
