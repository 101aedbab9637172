// Calls of Go functions by Python: arguments are bound and packed, the answer is unpacked. While Go
// runs, the thread is detached, unless the function wants to be attached.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "_cgo_export.h"

#define STACK_RESERVE (256 << 10) // for Python code between two calls of Go, and what it calls

static PyObject *type_error(const char *format, const char *name, const char *what) {
    char msg[256];
    snprintf(msg, sizeof msg, format, name, what);
    return py_fail(*py.PyExc_TypeError, msg), NULL;
}

// All of the arguments are single numbers: they cross as they are.
static int scalars(struct py_func *f, PyObject *const *args, size_t n, struct py_invoke *inv) {
    if (!(f->flags & PY_FUNC_SCALARS) || n != f->npos)
        return 0;
    for (size_t i = 0; i < n; i++) {
        PyObject *o = args[i], *type = py_type_of(o);
        uint64_t kind;
        if (type == py.PyLong_Type) {
            int overflow = 0;
            inv->bits[i] = (uint64_t)py.PyLong_AsLongLongAndOverflow(o, &overflow);
            if (overflow)
                return 0;
            kind = PY_T_INT;
        } else if (type == py.PyFloat_Type) {
            double d = py.PyFloat_AsDouble(o);
            memcpy(&inv->bits[i], &d, 8);
            kind = PY_T_FLOAT;
        } else if (o == py._Py_TrueStruct || o == py._Py_FalseStruct) {
            kind = o == py._Py_TrueStruct ? PY_T_TRUE : PY_T_FALSE;
        } else {
            return 0;
        }
        inv->kinds |= kind << (4 * i);
    }
    return 1;
}

// Puts the value of a keyword into its place among the parameters. A key need not be text that can
// be encoded.
static int take_keyword(struct py_func *f, PyObject **vals, PyObject *key, PyObject *v) {
    Py_ssize_t n;
    const char *s = py.PyUnicode_AsUTF8AndSize(key, &n);
    if (!s)
        py.PyErr_Clear();
    for (uint32_t i = 0; s && i < f->nparams; i++) {
        const char *name = f->params[i].name;
        if (!*name || (size_t)n != strlen(name) || memcmp(s, name, (size_t)n))
            continue;
        if (vals[i])
            return type_error("%s() got multiple values for argument '%s'", f->name, name), -1;
        vals[i] = v;
        return 0;
    }
    return type_error("%s() got an unexpected keyword argument '%s'", f->name, s ? s : "?"), -1;
}

static int too_many(struct py_func *f, size_t n) {
    char msg[256];
    snprintf(msg, sizeof msg, "%s() takes %u positional argument%s but %zu %s given", f->name,
             f->npos, f->npos == 1 ? "" : "s", n, n == 1 ? "was" : "were");
    return py_fail(*py.PyExc_TypeError, msg), -1;
}

static int missing(struct py_func *f, uint32_t i) {
    char place[32]; // the receiver of a method is not counted: it alone has a name then
    snprintf(place, sizeof place, "%u", i + !*f->params[0].name);
    const char *name = f->params[i].name;
    return type_error("%s() missing required argument %s", f->name, *name ? name : place), -1;
}

// Every parameter gets its value, in order, NULL for a keyword that is not given; then come those
// of the rest.
static int bind(struct py_func *f, PyObject **vals, PyObject *const *args, size_t n,
                PyObject *kwnames) {
    size_t nkw = kwnames ? (size_t)py.PyTuple_Size(kwnames) : 0;
    if (n > f->npos && !(f->flags & PY_FUNC_VARIADIC))
        return too_many(f, n);
    for (size_t i = 0; i < n; i++)
        vals[i < f->npos ? i : i - f->npos + f->nparams] = args[i];
    for (size_t i = 0; i < nkw; i++) {
        if (take_keyword(f, vals, py.PyTuple_GetItem(kwnames, (Py_ssize_t)i), args[n + i]))
            return -1;
    }
    for (uint32_t i = 0; i < f->nrequired; i++) {
        if (!vals[i])
            return missing(f, i);
    }
    return 0;
}

static int encode(struct py_interp *in, struct py_func *f, struct py_invoke *inv,
                  PyObject *const *args, size_t n, PyObject *kwnames) {
    PyObject *few[16] = {NULL}, **vals = few;
    memset(&inv->f, 0, offsetof(struct py_frame, buf));
    inv->kinds = 0;
    inv->n = f->nparams + (n > f->npos ? n - f->npos : 0);
    if (inv->n > 16 && !(vals = calloc(inv->n, sizeof *vals)))
        return py.PyErr_NoMemory(), -1;
    int rc = bind(f, vals, args, n, kwnames);
    if (!rc && inv->n)
        rc = py_encode_args(in, &inv->f, vals, f->params, inv->n, f->nparams);
    if (vals != few)
        free(vals);
    return rc;
}

// The function that raised is a frame of the traceback, with its place in Go's source.
static void set_exception(PyObject *exc, PyObject *where) {
    int overflow;
    const char *name = py.PyUnicode_AsUTF8AndSize(py.PyTuple_GetItem(where, 0), NULL);
    const char *file = py.PyUnicode_AsUTF8AndSize(py.PyTuple_GetItem(where, 1), NULL);
    PyObject *line = py.PyTuple_GetItem(where, 2);
    py.PyErr_Clear(); // either may be no UTF-8
    py.PyErr_SetObject(py_type_of(exc), exc);
    // It makes a code object for the place of Go.
    if (name && file && py._PyTraceback_Add && !py_immortal_code())
        py._PyTraceback_Add(name, file, (int)py.PyLong_AsLongLongAndOverflow(line, &overflow));
}

// The answer is what callbacks.py makes an exception of, and then: function, file and line.
static void raise(struct py_interp *in, PyObject *answer) {
    PyObject *args[2] = {NULL, answer};
    PyObject *r = py_vectorcall(in->names.raise_go, args + 1, 1, NULL);
    if (!r)
        return;
    set_exception(py.PyTuple_GetItem(r, 0), py.PyTuple_GetItem(r, 1));
    py.Py_DecRef(r);
}

static PyObject *read_answer(struct py_interp *in, struct py_invoke *inv) {
    const uint8_t *p = (const uint8_t *)inv->answer;
    struct py_reader r = {.p = p, .end = p + inv->len, .in = in, .trusted = 1};
    int begun = py_reader_begin(&r);
    PyObject *o = py_decode(&r, 0);
    py_reader_end(&r, begun);
    if (inv->done) { // it gives back objects, whose ends may run Python code
        PyObject *exc[3];
        py_set_aside(exc);
        py_go_done(inv->done);
        py_set_back(exc);
    }
    if (inv->f.status == PY_OK || !o)
        return o;
    raise(in, o);
    py.Py_DecRef(o);
    return NULL;
}

// The number of those away changes under the GIL; where there is none, atomically.
static void go_away(struct py_interp *in, int by) {
    if (py_free_threaded())
        add(&in->away, by);
    else
        put(&in->away, in->away + by);
}

// Go and Python that call each other without end are stopped before the C stack is: Python's own
// limit does not know what Go's crossings take of it, nor, up to 3.13, how small a thread's stack
// may be.
static int stack_ends(void) {
    static __thread uintptr_t low, reserve;
    if (!reserve) {
        size_t size;
        low = py_stack_low(&size);
        reserve = size / 4 < STACK_RESERVE ? size / 4 + 1 : STACK_RESERVE;
    }
    return (uintptr_t)__builtin_frame_address(0) - low < reserve;
}

static PyObject *detached(struct py_interp *in, struct py_func *f, struct py_invoke *inv) {
    struct py_callback cb;
    int inside = inv->inside = py_thread.cur && py_thread.cur->in == in;
    if (inside) {
        go_away(in, 1);
        // A goroutine that queues says so, and then looks who is away: one sees the other. Without
        // the fence the store could come after the load, on amd64 too.
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        inv->queued = (get(&in->gate) & PY_GATE_QUEUED) != 0;
    }
    py_unblock(in, &cb);
    inv->caller = (uint64_t)cb.frame;
    py_go_call(f->go.id, inv);
    py_block(in, &cb);
    if (inside)
        go_away(in, -1);
    return inv->kind >= 0 ? py_number(inv->kind, inv->bits[0]) : read_answer(in, inv);
}

static PyObject *attached(struct py_interp *in, struct py_func *f, struct py_invoke *inv) {
    struct py_callback cb;
    inv->inside = py_thread.cur && py_thread.cur->in == in;
    py_lend(in, &cb);
    inv->caller = (uint64_t)cb.frame;
    go_call(f->go.id, inv);
    py_stand_again(&cb);
    PyObject *o = inv->kind >= 0 ? py_number(inv->kind, inv->bits[0]) : read_answer(in, inv);
    py_take_back(in, &cb); // not before: the answer may be an object of the function's Thread
    return o;
}

PyObject *py_func_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    struct py_func *f = py_func_of(self);
    struct py_interp *in = f->go.in;
    struct py_invoke inv;
    size_t n = nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (get(&in->ended)) {
        py.PyErr_SetString(*py.PyExc_RuntimeError, "the runtime of the Go function is closed");
        return NULL;
    }
    inv.kind = -1;
    inv.kinds = inv.n = inv.done = 0;
    inv.queued = 0;
    inv.f.status = PY_OK;
    if (stack_ends()) {
        py.PyErr_SetString(*py.PyExc_RecursionError, "the C stack ends, in a function of Go");
        return NULL;
    }
    if (py.Py_EnterRecursiveCall(" in a function of Go"))
        return NULL;
    PyObject *o = NULL;
    if ((!kwnames && scalars(f, args, n, &inv)) || !encode(in, f, &inv, args, n, kwnames))
        o = f->flags & PY_FUNC_ATTACHED ? attached(in, f, &inv) : detached(in, f, &inv);
    py.Py_LeaveRecursiveCall();
    return o;
}

// From now on no function of Go is called. Those that are running go on.
void py_end_calls(struct py_interp *in) {
    put(&in->ended, 1);
}
