// Functions and other values of Go as Python objects.
//
// A function object is called by vectorcall and binds like a function of Python's, so that it can be
// a method. While Go runs, the thread is detached, unless the function wants to be attached.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "_cgo_export.h"

size_t py_object_size;

// What follows the head of an object.
struct own {
    vectorcallfunc call; // functions only
    struct py_go *go;
};

static struct own *own(PyObject *o) {
    return (struct own *)((char *)o + py_object_size);
}

static struct py_func *func_of(PyObject *self) {
    return own(self)->go->func;
}

struct py_go *py_go_new(struct py_interp *in, uint64_t id) {
    struct py_go *g = calloc(1, sizeof *g);
    if (g)
        *g = (struct py_go){.refs = 1, .id = id, .in = in};
    return g;
}

// names: its own, module, doc, signature and those of the parameters, each with a NUL.
struct py_func *py_func_new(struct py_interp *in, uint64_t id, int flags, uint32_t nparams,
                            const char *names, size_t len) {
    struct py_func *f = calloc(1, sizeof *f + len);
    struct py_param *params = calloc((size_t)nparams + 1, sizeof *params);
    if (!f || !params) {
        free(f);
        free(params);
        return NULL;
    }
    memcpy(f->text, names, len);
    f->go = (struct py_go){.refs = 1, .id = id, .in = in, .func = f};
    f->flags = flags;
    f->nparams = nparams;
    f->params = params;
    const char *s = f->text, **own_names[] = {&f->name, &f->module, &f->doc, &f->signature};
    for (size_t i = 0; i < 4; i++, s += strlen(s) + 1)
        *own_names[i] = s;
    for (uint32_t i = 0; i < nparams; i++, s += strlen(s) + 1)
        params[i].name = s;
    return f;
}

void py_func_param(struct py_func *f, uint32_t i, struct py_shape *s) {
    f->params[i].shape = s;
}

void py_go_release(struct py_go *g) {
    if (add(&g->refs, -1) != 1)
        return;
    py_go_drop(g->id);
    if (g->func)
        free(g->func->params);
    free(g);
}

static void dealloc(PyObject *self) {
    PyObject *type = py_type_of(self);
    struct py_go *g = own(self)->go;
    void (*free_object)(PyObject *) = py.PyType_GetSlot(type, Py_tp_free);
    free_object(self);
    py.Py_DecRef(type);
    if (g)
        py_go_release(g);
}

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

static int name_is(PyObject *key, const char *name) {
    const char *s = *name ? py.PyUnicode_AsUTF8AndSize(key, NULL) : NULL;
    return s && !strcmp(s, name);
}

// Puts the value of a keyword into its place among the parameters.
static int take_keyword(struct py_func *f, PyObject **vals, PyObject *key, PyObject *v) {
    for (uint32_t i = 0; i < f->nparams; i++) {
        if (!name_is(key, f->params[i].name))
            continue;
        if (vals[i])
            return type_error("%s() got multiple values for argument '%s'", f->name,
                              f->params[i].name),
                   -1;
        vals[i] = v;
        return 0;
    }
    const char *s = py.PyUnicode_AsUTF8AndSize(key, NULL);
    py.PyErr_Clear();
    return type_error("%s() got an unexpected keyword argument '%s'", f->name, s ? s : "?"), -1;
}

static int too_many(struct py_func *f, size_t n) {
    char msg[256];
    snprintf(msg, sizeof msg, "%s() takes %u positional argument%s but %zu %s given", f->name,
             f->npos, f->npos == 1 ? "" : "s", n, n == 1 ? "was" : "were");
    return py_fail(*py.PyExc_TypeError, msg), -1;
}

static int missing(struct py_func *f, uint32_t i) {
    char place[32];
    snprintf(place, sizeof place, "%u", i + 1);
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
static void add_frame(PyObject *where) {
    int overflow;
    const char *name = py.PyUnicode_AsUTF8AndSize(py.PyTuple_GetItem(where, 0), NULL);
    const char *file = py.PyUnicode_AsUTF8AndSize(py.PyTuple_GetItem(where, 1), NULL);
    PyObject *line = py.PyTuple_GetItem(where, 2);
    if (name && file && py._PyTraceback_Add)
        py._PyTraceback_Add(name, file, (int)py.PyLong_AsLongLongAndOverflow(line, &overflow));
}

// The answer is what callbacks.py makes an exception of, and then: function, file and line.
static void raise(struct py_interp *in, PyObject *answer) {
    PyObject *args[2] = {NULL, answer};
    PyObject *r = py_vectorcall(in->names.raise_go, args + 1, 1, NULL);
    if (!r)
        return;
    PyObject *exc = py.PyTuple_GetItem(r, 0);
    py.PyErr_SetObject(py_type_of(exc), exc);
    add_frame(py.PyTuple_GetItem(r, 1));
    py.Py_DecRef(r);
}

static PyObject *read_answer(struct py_interp *in, struct py_invoke *inv) {
    const uint8_t *p = (const uint8_t *)inv->answer;
    struct py_reader r = {.p = p, .end = p + inv->len, .in = in, .trusted = 1};
    int begun = py_reader_begin(&r);
    PyObject *o = py_decode(&r, 0);
    py_reader_end(&r, begun);
    if (inv->done)
        py_go_done(inv->done);
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

static PyObject *detached(struct py_interp *in, struct py_func *f, struct py_invoke *inv) {
    struct py_callback cb;
    int inside = inv->inside = py_thread.cur != NULL;
    if (inside) {
        go_away(in, 1);
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
    inv->inside = py_thread.cur != NULL;
    py_lend(in, &cb);
    inv->caller = (uint64_t)cb.frame;
    go_call(f->go.id, inv);
    PyObject *o = inv->kind >= 0 ? py_number(inv->kind, inv->bits[0]) : read_answer(in, inv);
    py_take_back(in, &cb); // not before: the answer may be an object of the function's Thread
    return o;
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    struct py_func *f = func_of(self);
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
    if (py.Py_EnterRecursiveCall(" in a function of Go"))
        return NULL;
    PyObject *o = NULL;
    if ((!kwnames && scalars(f, args, n, &inv)) || !encode(in, f, &inv, args, n, kwnames))
        o = f->flags & PY_FUNC_ATTACHED ? attached(in, f, &inv) : detached(in, f, &inv);
    py.Py_LeaveRecursiveCall();
    return o;
}

static PyObject *descr_get(PyObject *self, PyObject *obj, PyObject *type) {
    (void)type;
    return obj && obj != py._Py_NoneStruct ? py.PyMethod_New(self, obj) : py_hold(self);
}

static PyObject *repr(PyObject *self) {
    char text[256];
    snprintf(text, sizeof text, "<Go function %s>", func_of(self)->name);
    return py.PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

enum { NAME, MODULE, DOC, SIGNATURE };

static PyObject *get_text(PyObject *self, void *which) {
    struct py_func *f = func_of(self);
    const char *texts[] = {f->name, f->module, f->doc, f->signature}, *s = texts[(size_t)which];
    if (!*s)
        return py_hold(py._Py_NoneStruct);
    PyObject *o = py.PyUnicode_DecodeUTF8(s, (Py_ssize_t)strlen(s), "replace");
    if (!o || (size_t)which != SIGNATURE)
        return o;
    PyObject *args[2] = {NULL, o},
             *sig = py_vectorcall(f->go.in->names.signature, args + 1, 1, NULL);
    py.Py_DecRef(o);
    return sig;
}

static PyGetSetDef texts[] = {
    {"__name__", get_text, NULL, NULL, (void *)NAME},
    {"__qualname__", get_text, NULL, NULL, (void *)NAME},
    {"__module__", get_text, NULL, NULL, (void *)MODULE},
    {"__doc__", get_text, NULL, NULL, (void *)DOC},
    {"__signature__", get_text, NULL, NULL, (void *)SIGNATURE},
    {0},
};

static PyObject *make_type(const char *name, int flags, PyType_Slot *slots) {
    PyType_Spec spec = {name, (int)(py_object_size + sizeof(struct own)), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | (unsigned)flags, slots};
    return py.PyType_FromSpec(&spec);
}

static PyObject *function_type(struct py_interp *in) {
    PyMemberDef members[] = {
        {"__vectorcalloffset__", T_PYSSIZET, (Py_ssize_t)py_object_size, READONLY, NULL}, {0}};
    PyType_Slot slots[] = {{Py_tp_dealloc, dealloc},
                           {Py_tp_call, py.PyVectorcall_Call},
                           {Py_tp_descr_get, descr_get},
                           {Py_tp_repr, repr},
                           {Py_tp_getset, texts},
                           {Py_tp_members, members},
                           {0, NULL}};
    if (!in->names.function_type)
        in->names.function_type =
            make_type("pyhost.Function",
                      Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL |
                          Py_TPFLAGS_METHOD_DESCRIPTOR,
                      slots);
    return in->names.function_type;
}

PyObject *py_value_type(struct py_interp *in) {
    PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {0, NULL}};
    if (!in->names.value_type)
        in->names.value_type = make_type("pyhost.Value", Py_TPFLAGS_BASETYPE, slots);
    return in->names.value_type;
}

PyObject *py_go_object(struct py_interp *in, struct py_go *g, PyObject *cls) {
    PyObject *type = g->func ? function_type(in) : cls ? cls : py_value_type(in);
    PyObject *o = type ? py.PyType_GenericAlloc(type, 0) : NULL;
    if (!o)
        return NULL;
    add(&g->refs, 1);
    own(o)->go = g;
    own(o)->call = call;
    return o;
}

struct py_go *py_go_of(struct py_interp *in, PyObject *o) {
    PyObject *type = in->names.value_type;
    if (!type || !py.PyType_IsSubtype(py_type_of(o), type))
        return NULL;
    if (!own(o)->go) // made by object.__new__
        py.PyErr_SetString(*py.PyExc_TypeError, "an instance without a value of Go");
    return own(o)->go;
}

// From now on no function of Go is called. Those that are running go on.
void py_end_calls(struct py_interp *in) {
    put(&in->ended, 1);
}
