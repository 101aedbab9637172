// The objects that stand for functions and other values of Go: their types, and their lives. A
// function object is called by vectorcall and binds like a function of Python, so that it can be a
// method.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

size_t py_object_size;

// What follows the head of an object.
struct own {
    vectorcallfunc call; // functions only
    struct py_go *go;
};

static struct own *own(PyObject *o) {
    return (struct own *)((char *)o + py_object_size);
}

struct py_func *py_func_of(PyObject *self) {
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

static PyObject *descr_get(PyObject *self, PyObject *obj, PyObject *type) {
    (void)type;
    return obj && obj != py._Py_NoneStruct ? py.PyMethod_New(self, obj) : py_hold(self);
}

static PyObject *repr(PyObject *self) {
    char text[256];
    snprintf(text, sizeof text, "<Go function %s>", py_func_of(self)->name);
    return py.PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

enum { NAME, MODULE, DOC, SIGNATURE };

static PyObject *get_text(PyObject *self, void *which) {
    struct py_func *f = py_func_of(self);
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

static PyObject *make_function_type(void) {
    PyMemberDef members[] = {
        {"__vectorcalloffset__", T_PYSSIZET, (Py_ssize_t)py_object_size, READONLY, NULL}, {0}};
    PyType_Slot slots[] = {{Py_tp_dealloc, dealloc},
                           {Py_tp_call, py.PyVectorcall_Call},
                           {Py_tp_descr_get, descr_get},
                           {Py_tp_repr, repr},
                           {Py_tp_getset, texts},
                           {Py_tp_members, members},
                           {0, NULL}};
    return make_type("pyhost.Function",
                     Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL |
                         Py_TPFLAGS_METHOD_DESCRIPTOR,
                     slots);
}

// What was made at first use, takes the reference: on free-threaded builds another thread may have
// been first. NULL is an error.
PyObject *py_first(PyObject **slot, PyObject *made) {
    PyObject *none = NULL;
    if (!made ||
        __atomic_compare_exchange_n(slot, &none, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    py.Py_DecRef(made);
    return none;
}

static PyObject *function_type(struct py_interp *in) {
    PyObject *type = get(&in->names.function_type);
    return type ? type : py_first(&in->names.function_type, make_function_type());
}

PyObject *py_value_type(struct py_interp *in) {
    PyType_Slot slots[] = {{Py_tp_dealloc, dealloc}, {0, NULL}};
    PyObject *type = get(&in->names.value_type);
    return type ? type
                : py_first(&in->names.value_type,
                           make_type("pyhost.Value", Py_TPFLAGS_BASETYPE, slots));
}

PyObject *py_go_object(struct py_interp *in, struct py_go *g, PyObject *cls) {
    PyObject *type = g->func ? function_type(in) : cls ? cls : py_value_type(in);
    PyObject *o = type ? py.PyType_GenericAlloc(type, 0) : NULL;
    if (!o)
        return NULL;
    add(&g->refs, 1);
    own(o)->go = g;
    own(o)->call = py_func_call;
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
