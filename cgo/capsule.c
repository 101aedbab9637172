// Arrow's C data interface in capsules, both ways.
//
// From Python: the struct of a capsule is moved into a capsule of ours, which only the library
// knows. Go gets a copy of it that shares the memory; to release that, from any goroutine, puts our
// capsule on the list of references to give back. So the producer's own release runs on a thread
// that is attached to its interpreter: it may run Python code, and producers attach by
// PyGILState_Ensure, which on a thread that is not Python's would land in the main interpreter.
//
// To Python: the structs that Go made hold its memory until they are released, by the consumer or
// by the capsule's end. Those of arrays and schemas do not wait for anything, so they run as the
// consumer calls them. A stream is code of the program's: it runs detached.
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

static void drop_schema(PyObject *), drop_array(PyObject *), drop_stream(PyObject *);

static const struct {
    const char *name, *own;
    size_t size, release; // where the pointer stands: NULL in a struct that has been released
    void (*drop)(PyObject *);
} kinds[] = {
    {"arrow_schema", "pyhost.arrow_schema", sizeof(struct ArrowSchema),
     offsetof(struct ArrowSchema, release), drop_schema},
    {"arrow_array", "pyhost.arrow_array", sizeof(struct ArrowArray),
     offsetof(struct ArrowArray, release), drop_array},
    {"arrow_array_stream", "pyhost.arrow_array_stream", sizeof(struct ArrowArrayStream),
     offsetof(struct ArrowArrayStream, release), drop_stream},
};

typedef void (*release_func)(void *);

static release_func *release_of(int kind, void *p) {
    return (release_func *)((char *)p + kinds[kind].release);
}

void *py_arrow_new(int kind) {
    return calloc(1, kinds[kind].size);
}

void py_arrow_free(int kind, void *p) {
    if (*release_of(kind, p))
        (*release_of(kind, p))(p);
    free(p);
}

// The end of a capsule: a consumer has released the struct, or nobody took it.
static void drop(int kind, PyObject *capsule) {
    PyObject *exc[3];
    py_set_aside(exc);
    void *p = py.PyCapsule_GetPointer(capsule, py.PyCapsule_GetName(capsule));
    if (p)
        py_arrow_free(kind, p);
    py.PyErr_Clear();
    py_set_back(exc);
}

static void drop_schema(PyObject *capsule) {
    drop(PY_ARROW_SCHEMA, capsule);
}

static void drop_array(PyObject *capsule) {
    drop(PY_ARROW_ARRAY, capsule);
}

static void drop_stream(PyObject *capsule) {
    drop(PY_ARROW_STREAM, capsule);
}

// A stream of Go's on its way to Python, around the one that Go has made.
struct outgoing {
    struct ArrowArrayStream inner;
    struct py_interp *in;
};

static int out_schema(struct ArrowArrayStream *s, struct ArrowSchema *to) {
    struct outgoing *o = s->private_data;
    struct py_callback cb;
    int out = py_step_out(o->in, &cb), rc = o->inner.get_schema(&o->inner, to);
    py_step_in(o->in, &cb, out);
    return rc;
}

static int out_next(struct ArrowArrayStream *s, struct ArrowArray *to) {
    struct outgoing *o = s->private_data;
    struct py_callback cb;
    int out = py_step_out(o->in, &cb), rc = o->inner.get_next(&o->inner, to);
    py_step_in(o->in, &cb, out);
    return rc;
}

static const char *out_error(struct ArrowArrayStream *s) {
    struct outgoing *o = s->private_data;
    return o->inner.get_last_error(&o->inner);
}

static void out_release(struct ArrowArrayStream *s) {
    struct outgoing *o = s->private_data;
    struct py_callback cb;
    int out = py_step_out(o->in, &cb);
    o->inner.release(&o->inner);
    py_step_in(o->in, &cb, out);
    free(o);
    s->release = NULL;
}

static int wrap_stream(struct ArrowArrayStream *s) {
    struct outgoing *o = malloc(sizeof *o);
    if (!o)
        return -1;
    *o = (struct outgoing){*s, py_thread.cur->in};
    *s = (struct ArrowArrayStream){out_schema, out_next, out_error, out_release, o};
    return 0;
}

PyObject *py_arrow_capsule(int kind, void *p) {
    PyObject *capsule = NULL;
    if (kind != PY_ARROW_STREAM || !wrap_stream(p))
        capsule = py.PyCapsule_New(p, kinds[kind].name, kinds[kind].drop);
    if (!capsule) {
        py.PyErr_Clear();
        py_arrow_free(kind, p);
    }
    return capsule;
}

// An array or a stream of Python's that Go holds, in our capsule. It begins with the struct itself.
struct held {
    union {
        struct ArrowArray array;
        struct ArrowArrayStream stream;
    };
    struct py_interp *in;
    PyObject *owner;
};

// A producer may wait for threads of its own when its stream is released, and those for the GIL.
static void drop_held_stream(PyObject *capsule) {
    PyObject *exc[3];
    struct py_callback cb;
    py_set_aside(exc);
    struct held *h = py.PyCapsule_GetPointer(capsule, kinds[PY_ARROW_STREAM].own);
    struct py_interp *in = h->in;
    py_unblock(in, &cb);
    py_arrow_free(PY_ARROW_STREAM, h);
    add(&in->arrays, -1);
    py_block(in, &cb);
    py_set_back(exc);
}

// Moves the struct. The caller owns the capsule.
static struct held *hold(int kind, void *from) {
    struct held *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->in = py_thread.cur->in;
    memcpy(h, from, kinds[kind].size);
    h->owner = py.PyCapsule_New(h, kinds[kind].own,
                                kind == PY_ARROW_STREAM ? drop_held_stream : kinds[kind].drop);
    if (!h->owner) {
        py.PyErr_Clear();
        free(h);
        return NULL;
    }
    *release_of(kind, from) = NULL;
    add(&h->in->arrays, 1);
    return h;
}

// Go releases its copy. Not before the reference is on its way does Close believe it gone.
static void give_back(struct ArrowArray *a) {
    struct held *h = a->private_data;
    struct py_interp *in = h->in;
    a->release = NULL;
    py_decref_later(in, (uint64_t)h->owner);
    add(&in->arrays, -1);
}

int py_arrow_adopt(void *from, void *to) {
    struct held *h = hold(PY_ARROW_ARRAY, from);
    struct ArrowArray *a = to;
    if (!h)
        return PY_LACKS_MEMORY;
    *a = h->array;
    a->release = give_back;
    a->private_data = h;
    return PY_TAKEN;
}

union taken {
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct ArrowArrayStream stream;
};

// A stream stays in its capsule, the owner: `to` gets its address. A schema is read at once, and
// has none.
static int keep(int kind, union taken *taken, void *to, uint64_t *owner) {
    if (kind == PY_ARROW_ARRAY)
        return py_arrow_adopt(taken, to);
    if (kind == PY_ARROW_SCHEMA) {
        memcpy(to, taken, sizeof taken->schema);
        return PY_TAKEN;
    }
    struct held *h = hold(kind, taken);
    if (!h)
        return PY_LACKS_MEMORY;
    *(void **)to = h;
    *owner = (uint64_t)h->owner;
    return PY_TAKEN;
}

// On free-threaded builds another thread may be about to take it too: one alone gets the release
// function, and with it what the struct holds. 0: it is consumed.
static int move(int kind, void *from, void *to) {
    release_func release = __atomic_exchange_n(release_of(kind, from), NULL, __ATOMIC_ACQ_REL);
    memcpy(to, from, kinds[kind].size);
    *release_of(kind, to) = release;
    return release != NULL;
}

int py_arrow_take(int kind, PyObject *capsule, void *to, uint64_t *owner) {
    const char *name = kinds[kind].name;
    if (!py.PyCapsule_IsValid(capsule, name)) {
        int other = py.PyCapsule_GetName(capsule) != NULL;
        py.PyErr_Clear();
        return other ? PY_OTHER_CAPSULE : PY_NO_CAPSULE;
    }
    void *from = py.PyCapsule_GetPointer(capsule, name);
    union taken taken;
    if (!move(kind, from, &taken))
        return PY_CONSUMED;
    int rc = keep(kind, &taken, to, owner);
    if (rc == PY_LACKS_MEMORY)
        *release_of(kind, from) = *release_of(kind, &taken);
    return rc;
}

int py_arrow_schema(void *stream, void *to) {
    struct ArrowArrayStream *s = stream;
    return s->get_schema(s, to);
}

int py_arrow_next(void *stream, void *to) {
    struct ArrowArrayStream *s = stream;
    return s->get_next(s, to);
}

const char *py_arrow_error(void *stream) {
    struct ArrowArrayStream *s = stream;
    return s->get_last_error(s);
}

int py_arrow_over(void *array) {
    return !((struct ArrowArray *)array)->release;
}

int py_arrow_arrays(struct py_interp *in) {
    return get(&in->arrays);
}

void py_drop_ref(uint64_t obj) {
    py.Py_DecRef((PyObject *)obj);
}
