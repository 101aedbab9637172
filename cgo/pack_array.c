// Arrays, by the buffer protocol -> Go.
#include <string.h>

#include "pack.h"

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
        if (py_put_count(w, PY_T_BYTES, n) || room(w, n))
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
int py_put_array(struct py_writer *w, PyObject *o, int bytes) {
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
