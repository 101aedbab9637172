// What is packed for Go: a buffer that grows, and what is handed over with it.
#include <stdlib.h>
#include <string.h>

#include "pack.h"

// A block for results that do not fit into the frame. One of the last is kept: malloc would give
// its pages back to the system and fault them in again, which costs more than to fill them.
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

int py_writer_grow(struct py_writer *w, size_t n) {
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

// The object, which is immutable, is held until Go has copied the blob.
int py_put_far(struct py_writer *w, int tag, PyObject *o, const char *s, uint64_t n) {
    struct py_far *far = realloc(w->far, (w->nfar + 1) * sizeof *far);
    if (!far)
        return py.PyErr_NoMemory(), -1;
    w->far = far;
    uint8_t t = (uint8_t)tag;
    if (py_put_tag(w, PY_T_FAR) || py_put_word(w, t, &w->nfar))
        return -1;
    py.Py_IncRef(o);
    far[w->nfar++] = (struct py_far){(uint64_t)o, (uint64_t)s, n};
    return 0;
}

int py_put_blob(struct py_writer *w, int tag, const char *s, uint64_t n) {
    if (py_put_count(w, tag, n) || room(w, n))
        return -1;
    memcpy(w->p, s, n);
    w->p += n;
    return 0;
}

int py_put_text(struct py_writer *w, const char *s, uint64_t n) {
    if (n > 255)
        return py_put_blob(w, PY_T_STR, s, n);
    if (room(w, n + 2))
        return -1;
    w->p[0] = PY_T_STR8;
    w->p[1] = (uint8_t)n;
    memcpy(w->p + 2, s, n);
    w->p += n + 2;
    return 0;
}

// Room for one more of what is handed over.
int py_writer_hand(struct py_writer *w) {
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

// Takes back what was written since.
void py_writer_back(struct py_writer *w, struct py_mark m) {
    for (; w->nhanded > m.nhanded; w->nhanded--) {
        struct py_handed *h = &w->handed[w->nhanded - 1];
        if (h->obj)
            py.Py_DecRef(h->obj);
        else
            py_go_release(h->go);
    }
    for (; w->nfar > m.nfar; w->nfar--)
        py.Py_DecRef((PyObject *)w->far[w->nfar - 1].obj);
    w->p = w->base + m.len;
}

void py_writer_undo(struct py_writer *w) {
    py_writer_back(w, (struct py_mark){0});
    free(w->far);
    if (w->heap)
        py_free_out((uint64_t)w->base);
}
