// Memory of Python that Go sees: the buffer protocol the other way, see buffer.c.
#include <stdlib.h>

#include "host.h"

int py_view_open(struct py_interp *in, struct py_frame *f, PyObject *o, int writable) {
    struct py_view *v = calloc(1, sizeof *v);
    int flags = writable ? PyBUF_FULL_RO | PyBUF_WRITABLE : PyBUF_FULL_RO;
    if (!v)
        return PY_NO_MEMORY;
    if (py.PyObject_GetBuffer(o, &v->b, flags)) {
        free(v);
        return py_raised(in, f);
    }
    v->in = in;
    v->contiguous = py.PyBuffer_IsContiguous(&v->b, 'C');
    add(&in->views, 1);
    f->obj = (uint64_t)v;
    return PY_OK;
}

int py_view_copy(struct py_frame *thread, struct py_frame *f, struct py_view *v, void *to) {
    if (!py_holds(thread))
        return PY_NOT_ATTACHED;
    return py.PyBuffer_ToContiguous(to, &v->b, v->b.len, 'C') ? py_raised(v->in, f) : PY_OK;
}

static void give_back(struct py_view *v) {
    py.PyBuffer_Release(&v->b);
    free(v);
}

// Counted as held until it is in the list: whoever ends the interpreter looks at the count first,
// then at the list.
void py_view_close(struct py_view *v) {
    struct py_interp *in = v->in;
    if (py_thread.cur && py_thread.cur->in == in) {
        give_back(v);
        add(&in->views, -1);
        return;
    }
    pthread_mutex_lock(&in->mu);
    v->next = in->unviewed;
    in->unviewed = v;
    pthread_mutex_unlock(&in->mu);
    put(&in->pending, 1);
    add(&in->views, -1);
}

void py_views_give_back(struct py_interp *in) {
    pthread_mutex_lock(&in->mu);
    struct py_view *v = in->unviewed, *next;
    in->unviewed = NULL;
    pthread_mutex_unlock(&in->mu);
    for (; v; v = next) {
        next = v->next;
        give_back(v);
    }
}

int64_t py_view_count(struct py_interp *in) {
    return get(&in->views);
}
