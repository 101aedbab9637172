// Memory of Go that Python sees, through objects with the buffer protocol.
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "_cgo_export.h"

_Static_assert(sizeof(long) == 8, "the formats l and L are 64 bits");

// Memory of Go. Several interpreters may see it at once, so all that changes is atomic.
//
//   - refs: one of Go's *Export, and one of each exporter. The last frees this struct.
//   - state: CLOSED, and the number of views. A view holds its object, and so the exporter: while
//     there are views there are refs. Once CLOSED is set no view is added.
//   - The memory itself is given up once, by whoever makes state CLOSED without views: Go's close,
//     the last view after it, or the last ref, which closes first.
//   - An interpreter that has ended takes its exporters and their views with it. One that was left
//     unfinished keeps them for ever: threads of it may be looking at the memory.
struct py_export {
    int64_t refs;
    uint64_t state;
    uint64_t handle; // for py_go_released
    void *data;      // pinned
    Py_ssize_t len, itemsize;
    int readonly, ndim;
    char format[4];
    Py_ssize_t dims[]; // the shape, then the strides
};

#define CLOSED (1ULL << 63)

static int64_t exports; // how many there are; atomic

int64_t py_export_count(void) {
    return get(&exports);
}

struct py_export *py_export_new(uint64_t handle, uint64_t data, int readonly, const char *format,
                                int64_t itemsize, int ndim, const int64_t *dims) {
    struct py_export *e = calloc(1, sizeof *e + 2 * (size_t)ndim * sizeof *e->dims);
    if (!e)
        return NULL;
    e->refs = 1;
    e->handle = handle;
    e->data = data ? (void *)data : e; // of no bytes: some address that is not NULL
    e->readonly = readonly;
    memcpy(e->format, format, strnlen(format, sizeof e->format - 1));
    e->len = e->itemsize = itemsize;
    e->ndim = ndim;
    for (int i = 0; i < 2 * ndim; i++)
        e->dims[i] = dims[i];
    for (int i = 0; i < ndim; i++)
        e->len *= dims[i];
    add(&exports, 1);
    return e;
}

// 1: the memory is to be given up now.
int py_export_drop(struct py_export *e) {
    if (add(&e->refs, -1) != 1)
        return 0;
    uint64_t old = __atomic_fetch_or(&e->state, CLOSED, __ATOMIC_ACQ_REL);
    free(e);
    add(&exports, -1);
    return !(old & CLOSED);
}

int64_t py_export_views(struct py_export *e) {
    return (int64_t)(get(&e->state) & ~CLOSED);
}

int py_export_close(struct py_export *e, int64_t *views) {
    uint64_t old = __atomic_fetch_or(&e->state, CLOSED, __ATOMIC_ACQ_REL);
    *views = (int64_t)(old & ~CLOSED);
    return !old;
}

// The Python object's part: one of each object, in the list of its interpreter, so that those which
// outlive it (what a Ref of Go or a C variable of an extension refers to is never freed) can be
// told apart from the memory. It lies outside the object, whose own memory may go with the
// interpreter.
struct py_exporter {
    struct py_export *e; // NULL: the interpreter has gone, and this is never freed
    int64_t views;       // those of e through this object; atomic
    struct py_interp *in;
    struct py_exporter *next, **at; // in->exporters; guarded by in->mu
};

// Instances of a heap type of each interpreter. What is theirs, a pointer, follows the head.
static struct py_exporter **exporter_of(PyObject *self) {
    return (struct py_exporter **)((char *)self + py_object_size);
}

static struct py_exporter *new_exporter(struct py_interp *in, struct py_export *e) {
    struct py_exporter *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->e = e;
    x->in = in;
    x->at = &in->exporters;
    add(&e->refs, 1);
    pthread_mutex_lock(&in->mu);
    if ((x->next = in->exporters))
        x->next->at = &x->next;
    in->exporters = x;
    pthread_mutex_unlock(&in->mu);
    return x;
}

static void unlink_exporter(struct py_exporter *x) {
    pthread_mutex_lock(&x->in->mu);
    *x->at = x->next;
    if (x->next)
        x->next->at = x->at;
    pthread_mutex_unlock(&x->in->mu);
}

static void drop_views(struct py_export *e, int64_t n) {
    uint64_t old = add(&e->state, (uint64_t)-n);
    if (n && old == (CLOSED | (uint64_t)n))
        py_go_released(e->handle);
}

static void drop_export(struct py_export *e) {
    uint64_t handle = e->handle;
    if (py_export_drop(e))
        py_go_released(handle);
}

// Its interpreter has ended: no code is left that could look at what has not been freed.
void py_exports_end(struct py_interp *in) {
    for (struct py_exporter *x = in->exporters; x; x = x->next) {
        struct py_export *e = x->e;
        x->e = NULL;
        drop_views(e, x->views);
        drop_export(e);
    }
    in->exporters = NULL;
}

static void dealloc(PyObject *self) {
    PyObject *type = py_type_of(self);
    struct py_exporter *x = *exporter_of(self);
    if (x && x->e) {
        unlink_exporter(x);
        drop_export(x->e);
        free(x);
    }
    py.PyObject_Free(self);
    py.Py_DecRef(type);
}

static int refuse(Py_buffer *b, const char *why) {
    b->obj = NULL;
    py.PyErr_SetString(*py.PyExc_BufferError, why);
    return -1;
}

static int add_view(struct py_export *e) {
    uint64_t old = get(&e->state);
    while (!(old & CLOSED)) {
        if (__atomic_compare_exchange_n(&e->state, &old, old + 1, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return 0;
    }
    return -1;
}

static int asks(int flags, int what) {
    return (flags & what) == what;
}

// In C order it always is; in Fortran's too if at most one dimension has more than one item.
static int fortran(const struct py_export *e) {
    int long_ones = 0;
    for (int i = 0; i < e->ndim; i++)
        long_ones += e->dims[i] > 1;
    return long_ones <= 1 || !e->len;
}

static int get_buffer(PyObject *self, Py_buffer *b, int flags) {
    struct py_exporter *x = *exporter_of(self);
    struct py_export *e = x ? x->e : NULL;
    if (!e)
        return refuse(b, "this object exports nothing");
    if (asks(flags, PyBUF_WRITABLE) && e->readonly)
        return refuse(b, "the Go memory is read-only: pyhost.NewWritableBuffer makes it writable");
    if (asks(flags, PyBUF_F_CONTIGUOUS) && !fortran(e))
        return refuse(b, "the Go memory is in C order, not in Fortran's");
    if (asks(flags, PyBUF_FORMAT) && !asks(flags, PyBUF_ND) && strcmp(e->format, "B") != 0)
        return refuse(b, "a format, and no shape, is asked for: only bytes have that");
    if (add_view(e))
        return refuse(b, "the Go buffer is closed");
    add(&x->views, 1);
    *b = (Py_buffer){
        .buf = e->data,
        .obj = py_hold(self),
        .len = e->len,
        .itemsize = e->itemsize,
        .readonly = e->readonly,
        .ndim = asks(flags, PyBUF_ND) ? e->ndim : 1,
        .format = asks(flags, PyBUF_FORMAT) ? e->format : NULL,
        .shape = e->ndim && asks(flags, PyBUF_ND) ? e->dims : NULL,
        .strides = e->ndim && asks(flags, PyBUF_STRIDES) ? e->dims + e->ndim : NULL,
    };
    return 0;
}

static void release_buffer(PyObject *self, Py_buffer *b) {
    struct py_exporter *x = *exporter_of(self);
    (void)b;
    if (!x->e)
        return;
    add(&x->views, -1);
    drop_views(x->e, 1);
}

// Items are those of a memoryview, which lasts as long as the operation, or the iterator.

static Py_ssize_t length(PyObject *self) {
    PyObject *view = py.PyMemoryView_FromObject(self);
    Py_ssize_t n = view ? py.PyObject_Size(view) : -1;
    if (view)
        py.Py_DecRef(view);
    return n;
}

static PyObject *item(PyObject *self, PyObject *key) {
    PyObject *view = py.PyMemoryView_FromObject(self);
    PyObject *v = view ? py.PyObject_GetItem(view, key) : NULL;
    if (view)
        py.Py_DecRef(view);
    return v;
}

static int set_item(PyObject *self, PyObject *key, PyObject *v) {
    PyObject *view = py.PyMemoryView_FromObject(self);
    int rc = -1;
    if (view) {
        rc = v ? py.PyObject_SetItem(view, key, v) : py.PyObject_DelItem(view, key);
        py.Py_DecRef(view);
    }
    return rc;
}

static PyObject *iterate(PyObject *self) {
    PyObject *view = py.PyMemoryView_FromObject(self);
    PyObject *it = view ? py.PyObject_GetIter(view) : NULL;
    if (view)
        py.Py_DecRef(view);
    return it;
}

static PyType_Slot slots[] = {
    {Py_bf_getbuffer, (void *)get_buffer},
    {Py_bf_releasebuffer, (void *)release_buffer},
    {Py_mp_length, (void *)length},
    {Py_mp_subscript, (void *)item},
    {Py_mp_ass_subscript, (void *)set_item},
    {Py_tp_iter, (void *)iterate},
    {Py_tp_dealloc, (void *)dealloc},
    {Py_tp_doc,
     (void *)"Memory of Go. memoryview, and whatever takes bytes-like objects, sees it."},
    {0, NULL},
};

// A new reference. Attached.
static PyObject *make_type(void) {
    PyType_Spec spec = {
        .name = "pyhost.Buffer",
        .basicsize = (int)(py_object_size + sizeof(struct py_exporter *)),
        .flags = Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    return py.PyType_FromSpec(&spec);
}

static PyObject *type_of(struct py_interp *in) {
    PyObject *type = get(&in->names.buffer);
    return type ? type : py_first(&in->names.buffer, make_type());
}

PyObject *py_export_object(struct py_interp *in, struct py_export *e) {
    PyObject *type = type_of(in), *o = type ? py.PyType_GenericAlloc(type, 0) : NULL;
    if (!o)
        return NULL;
    if (!(*exporter_of(o) = new_exporter(in, e))) {
        py.Py_DecRef(o);
        return py.PyErr_NoMemory();
    }
    return o;
}
