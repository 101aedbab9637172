// What Python has of Go, and Go of Python: functions, values, memory; part of host.h.
#ifndef PYHOST_GOOBJECT_H
#define PYHOST_GOOBJECT_H

#include "python.h"

// callback.c
PyObject *py_natives(struct py_interp *);

// goobject.c and func.c: functions and other values of Go as Python objects.
//
// What Go and the objects that stand for it share. Each has a hold on it; the last to let go frees
// it and tells Go, which forgets the value then.
struct py_go {
    int64_t refs; // atomic
    uint64_t id;  // what Go knows it by
    struct py_interp *in;
    struct py_func *func; // it is the head of this; NULL: it stands for a value
};
struct py_param {
    const char *name; // "": it has none, and goes by its place
    struct py_shape *shape;
};
enum { PY_FUNC_ATTACHED = 1, PY_FUNC_VARIADIC = 2, PY_FUNC_SCALARS = 4 };
struct py_func {
    struct py_go go;
    int flags;
    uint32_t nrequired, npos, nparams; // parameters by place; those by keyword alone follow
    struct py_param *params;           // one more with VARIADIC: that of the rest
    const char *name, *module, *doc, *signature;
    char text[]; // all the names
};
// A call of it, on the stack of the thread that calls. Addresses are numbers here: Go's write
// barrier would look at what a pointer was before.
struct py_invoke {
    uint64_t caller;           // the py_frame of the call that this thread runs, or 0
    int32_t inside;            // the thread holds a place of the gate
    int32_t queued;            // others wait for one, and there is more room now
    int32_t kind;              // of the answer, if it is a single number; else -1
    uint64_t kinds;            // of the arguments, 4 bits each, if they all are; else 0
    uint64_t bits[PY_SCALARS]; // those arguments; then the answer
    uint64_t n;                // number of values encoded in the frame
    uint64_t answer;           // encoded, in the frame or in Go's memory, which is pinned then
    uint64_t len;
    uint64_t done; // what Go has to be told once the answer has been read, or 0
    struct py_frame f;
};
struct py_func *py_func_new(struct py_interp *, uint64_t id, int flags, uint32_t nparams,
                            const char *names, size_t len);
void py_func_param(struct py_func *, uint32_t i, struct py_shape *);
struct py_go *py_go_new(struct py_interp *, uint64_t id);
void py_go_release(struct py_go *);
struct py_func *py_func_of(PyObject *self);
PyObject *py_func_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);
PyObject *py_go_object(struct py_interp *, struct py_go *, PyObject *cls); // or an error
PyObject *py_value_type(struct py_interp *);                               // borrowed, or an error
PyObject *py_first(PyObject **slot, PyObject *made);                       // borrowed, or NULL
struct py_go *py_go_of(struct py_interp *, PyObject *); // NULL: not such a one, or an error
int py_encode_args(struct py_interp *, struct py_frame *, PyObject *const *args,
                   struct py_param *params, size_t n, size_t last);
void py_end_calls(struct py_interp *);

// relay.c: what C asks of Go, by way of a goroutine where this thread must not call Go itself.
struct py_relayed {
    struct py_relayed *next;
    uint64_t id;
    struct py_invoke *inv;
    int what, answered;
};
enum { PY_RELAY_CALL, PY_RELAY_DROP, PY_RELAY_DONE, PY_RELAY_RELEASED };
void py_go_call(uint64_t id, struct py_invoke *);
void py_go_drop(uint64_t id);
void py_go_done(uint64_t id);
void py_go_released(uint64_t handle);   // of an export
struct py_relayed *py_relay_next(void); // waits for it
void py_relay_answer(struct py_relayed *);

// buffer.c: memory of Go in Python
struct py_export;
struct py_export *py_export_new(uint64_t handle, uint64_t data, int readonly, const char *format,
                                int64_t itemsize, int ndim, const int64_t *shape_strides);
// Close and drop need no GIL. 1: the memory is to be given up now; go_export_released tells of it
// where that happens in Python.
int py_export_close(struct py_export *, int64_t *views);
int py_export_drop(struct py_export *);
int64_t py_export_views(struct py_export *);
int64_t py_export_count(void);
PyObject *py_export_object(struct py_interp *, struct py_export *); // new reference, or error
void py_exports_end(struct py_interp *);                            // after its end

// view.c: memory of Python in Go. The object is held, and must not move or shrink, until the close.
struct py_view {
    Py_buffer b;
    int contiguous; // in C order
    struct py_interp *in;
    struct py_view *next;
};
int py_view_open(struct py_interp *, struct py_frame *, PyObject *, int writable); // -> f->obj
int py_view_copy(struct py_frame *thread, struct py_frame *, struct py_view *, void *to);
void py_view_close(struct py_view *);        // from anywhere
void py_views_give_back(struct py_interp *); // attached
int64_t py_view_count(struct py_interp *);

// capsule.c: Arrow's C data interface in capsules. The structs are the specification's.
enum { PY_ARROW_SCHEMA, PY_ARROW_ARRAY, PY_ARROW_STREAM };
enum { PY_TAKEN, PY_NO_CAPSULE, PY_OTHER_CAPSULE, PY_CONSUMED, PY_LACKS_MEMORY };
void *py_arrow_new(int kind); // zeroed
void py_arrow_free(int kind, void *);
PyObject *py_arrow_capsule(int kind, void *); // takes the struct; while attached, like the next two
int py_arrow_take(int kind, PyObject *capsule, void *to, uint64_t *owner);
int py_arrow_adopt(void *from, void *to); // of arrays
int py_arrow_schema(void *stream, void *to);
int py_arrow_next(void *stream, void *to);
const char *py_arrow_error(void *stream);
int py_arrow_over(void *array);
int py_arrow_arrays(struct py_interp *);
void py_drop_ref(uint64_t obj); // while attached

#endif
