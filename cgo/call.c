// Call, eval and exec: attach, decode, run, encode, detach in one crossing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

// A dotted name to be called. Its parts are interned at first use, attached, and kept for ever: Go
// keeps a bounded number of them; those beyond that are for `once`, and freed by it.
struct py_name {
    int once, nparts; // nparts 0: not split yet
    PyObject **parts;
    char text[];
};

struct py_name *py_name_new(const char *text, size_t len, int once) {
    struct py_name *n = calloc(1, sizeof *n + len + 1);
    if (n) {
        memcpy(n->text, text, len);
        n->once = once;
    }
    return n;
}

void py_name_free(struct py_interp *in, struct py_name *n) {
    for (int i = 0; i < n->nparts; i++)
        py_decref_later(in, (uint64_t)n->parts[i]);
    free(n->parts);
    free(n);
}

// Interned strings are looked up faster, and live for ever from 3.12 on: for names that stay.
static PyObject *part(struct py_name *n, const char *s, size_t len) {
    if (n->once)
        return py.PyUnicode_FromStringAndSize(s, (Py_ssize_t)len);
    char *copy = strndup(s, len);
    PyObject *o = copy ? py.PyUnicode_InternFromString(copy) : py.PyErr_NoMemory();
    free(copy);
    return o;
}

// On free-threaded builds two threads may split it at once. No lock: a thread that holds one and is
// stopped, by a collection, would keep those that wait for it attached from stopping.
static int split(struct py_name *n) {
    int parts = 1, i = 0;
    for (const char *s = n->text; *s; s++)
        parts += *s == '.';
    PyObject **p = calloc((size_t)parts, sizeof *p);
    if (!p)
        return py.PyErr_NoMemory(), -1;
    for (const char *s = n->text; i < parts; i++) {
        size_t len = strcspn(s, ".");
        if (!(p[i] = part(n, s, len)))
            break;
        s += len + 1;
    }
    PyObject **none = NULL;
    int made = i == parts;
    if (made &&
        __atomic_compare_exchange_n(&n->parts, &none, p, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        put(&n->nparts, parts);
        return 0;
    }
    while (i--)
        py.Py_DecRef(p[i]);
    free(p);
    if (made)
        put(&n->nparts, parts);
    return made ? 0 : -1;
}

// A new reference, or NULL: with an exception set only if looking failed.
PyObject *py_dict_get(PyObject *dict, PyObject *key) {
    PyObject *o = NULL;
    if (py.PyDict_GetItemRef) {
        py.PyDict_GetItemRef(dict, key, &o);
        return o;
    }
    o = py.PyDict_GetItemWithError(dict, key);
    if (o)
        py.Py_IncRef(o);
    return o;
}

// __main__, then the modules that are loaded, then builtins, then an import.
static PyObject *first_part(struct py_interp *in, struct py_name *n) {
    PyObject *key = n->parts[0], *o = py_dict_get(in->names.main_dict, key);
    if (!o && n->nparts > 1 && !py.PyErr_Occurred())
        o = py_dict_get(in->names.sys_modules, key);
    if (!o && !py.PyErr_Occurred())
        o = py_dict_get(in->names.builtins, key);
    if (!o && n->nparts > 1 && !py.PyErr_Occurred())
        o = py.PyImport_Import(key);
    if (!o && !py.PyErr_Occurred()) {
        char msg[256];
        snprintf(msg, sizeof msg, "name '%.200s' is not defined", n->text);
        py_fail(*py.PyExc_NameError, msg);
    }
    return o;
}

// Imports the first `parts` parts of the name; the module itself is not wanted.
static int import_prefix(struct py_name *n, int parts) {
    const char *end = n->text;
    for (int i = 0; i < parts; i++)
        end += strcspn(end, ".") + (i + 1 < parts);
    PyObject *name = py.PyUnicode_FromStringAndSize(n->text, end - n->text);
    PyObject *mod = name ? py.PyImport_Import(name) : NULL;
    if (name)
        py.Py_DecRef(name);
    if (!mod)
        return -1;
    py.Py_DecRef(mod);
    return 0;
}

// A module may lack the attribute because another thread is still importing it, or because it is a
// submodule that nobody has imported: importing cures both. Otherwise the AttributeError stands.
static PyObject *part_after_import(struct py_name *n, int i, PyObject *o) {
    PyObject *t, *v, *tb, *r = NULL;
    if (py_type_of(o) != py.PyModule_Type || !py.PyErr_ExceptionMatches(*py.PyExc_AttributeError))
        return NULL;
    py.PyErr_Fetch(&t, &v, &tb);
    if (import_prefix(n, i) == 0)
        r = py.PyObject_GetAttr(o, n->parts[i]);
    if (!r) {
        py.PyErr_Clear();
        if (import_prefix(n, i + 1) == 0)
            r = py.PyObject_GetAttr(o, n->parts[i]);
    }
    if (!r && !py.PyErr_ExceptionMatches(*py.PyExc_ModuleNotFoundError)) {
        for (int k = 0; k < 3; k++) { // an import that failed of its own says more
            PyObject *x = k == 0 ? t : k == 1 ? v : tb;
            if (x)
                py.Py_DecRef(x);
        }
        return NULL;
    }
    py.PyErr_Clear();
    if (!r)
        py.PyErr_Restore(t, v, tb);
    else
        for (int k = 0; k < 3; k++) {
            PyObject *x = k == 0 ? t : k == 1 ? v : tb;
            if (x)
                py.Py_DecRef(x);
        }
    return r;
}

// A function of bootstrap.py, whatever the program has made of the module's name.
static PyObject *own(struct py_interp *in, struct py_name *n) {
    return py_dict_get(in->names.own, n->parts[1]);
}

PyObject *py_find(struct py_interp *in, struct py_name *n) {
    if (!get(&n->nparts) && split(n))
        return NULL;
    PyObject *ours = n->nparts == 2 && !strncmp(n->text, "_pyhost.", 8) ? own(in, n) : NULL;
    if (ours)
        return ours;
    PyObject *o = first_part(in, n);
    for (int i = 1; o && i < n->nparts; i++) {
        PyObject *next = py.PyObject_GetAttr(o, n->parts[i]);
        if (!next)
            next = part_after_import(n, i, o);
        py.Py_DecRef(o);
        o = next;
    }
    return o;
}

PyObject *py_vectorcall(PyObject *fn, PyObject **args, size_t n, PyObject *kw) {
    n |= PY_VECTORCALL_ARGUMENTS_OFFSET;
    if (py.PyObject_Vectorcall && !kw) // new in 3.11
        return py.PyObject_Vectorcall(fn, args, n, NULL);
    return py.PyObject_VectorcallDict(fn, args, n, kw);
}

// Calls o, or its method of a name. args[0] is free, the n arguments follow.
static PyObject *call_with(PyObject *o, PyObject *name, PyObject **args, size_t n, PyObject *kw) {
    if (!name)
        return py_vectorcall(o, args + 1, n, kw);
    if (!kw) {
        args[0] = o;
        return py.PyObject_VectorcallMethod(name, args, n + 1, NULL);
    }
    PyObject *fn = py.PyObject_GetAttr(o, name), *result = NULL;
    if (fn) {
        result = py_vectorcall(fn, args + 1, n, kw);
        py.Py_DecRef(fn);
    }
    return result;
}

// The arguments: u8 number, so many values, then one more value, a dict of keywords, if u8 is 1.
PyObject *py_call_method(struct py_interp *in, PyObject *o, PyObject *name, const uint8_t *p,
                         size_t len) {
    struct py_reader r = {.p = p, .end = p + len, .in = in, .trusted = 1};
    PyObject *few[9], **args = few, *kw = NULL, *result = NULL;
    uint64_t n, done = 0;
    if (py_read_u64(&r, &n))
        return NULL;
    int has_kw = n >> 63, begun;
    n = n << 1 >> 1;
    if (n > len || (n > 8 && !(args = malloc((n + 1) * sizeof *args))))
        return py.PyErr_NoMemory();
    begun = py_reader_begin(&r);
    while (done < n && (args[done + 1] = py_decode(&r, 0)))
        done++;
    if (done == n && has_kw)
        kw = py_decode(&r, 0);
    py_reader_end(&r, begun);
    if (done == n && (kw || !has_kw))
        result = call_with(o, name, args, n, kw);
    for (uint64_t i = 0; i < done; i++)
        py.Py_DecRef(args[i + 1]);
    if (kw)
        py.Py_DecRef(kw);
    if (args != few)
        free(args);
    return result;
}

PyObject *py_call_encoded(struct py_interp *in, PyObject *fn, const uint8_t *p, size_t len) {
    return py_call_method(in, fn, NULL, p, len);
}

static PyObject *call_name(struct py_interp *in, struct py_name *n, const uint8_t *args,
                           size_t len) {
    PyObject *fn = py_find(in, n), *result = NULL;
    if (fn) {
        result = py_call_encoded(in, fn, args, len);
        py.Py_DecRef(fn);
    }
    return result;
}

// By the builtin of that name: where code is immortal, what that makes is not.
static PyObject *compile_mortal(struct py_interp *in, const char *source, const char *file,
                                int start) {
    PyObject *fn = py.PyDict_GetItemString(in->names.own, "compile_mortal"),
             *code = NULL; // borrowed
    const char *mode = start == Py_eval_input ? "eval" : "exec";
    PyObject *args[6] = {NULL,
                         py.PyBytes_FromStringAndSize(source, (Py_ssize_t)strlen(source)),
                         py.PyUnicode_DecodeUTF8(file, (Py_ssize_t)strlen(file), "surrogateescape"),
                         py.PyUnicode_FromStringAndSize(mode, 4),
                         py.PyLong_FromLongLong(0),
                         py_hold(py._Py_TrueStruct)}; // it inherits no flags
    if (fn && args[1] && args[2] && args[3] && args[4])
        code = py_vectorcall(fn, args + 1, 5, NULL);
    for (int i = 1; i < 6; i++) {
        if (args[i])
            py.Py_DecRef(args[i]);
    }
    return code;
}

// source, a NUL, the file name, a NUL. A new code object goes to Go with the frame, to be kept.
static PyObject *compile(struct py_interp *in, struct py_frame *f, const char *source, int start) {
    const char *file = source + strlen(source) + 1;
    PyObject *code = py_immortal_code() ? compile_mortal(in, source, file, start)
                                        : py.Py_CompileStringExFlags(source, file, start, NULL, -1);
    f->code = (uint64_t)code;
    return code;
}

// in: u64 code object or 0, u64 namespace or 0, then source and file name if there is no code yet.
PyObject *py_run_code(struct py_interp *in, struct py_frame *f, int start, const uint8_t *arg,
                      size_t len) {
    struct py_reader r = {.p = arg, .end = arg + len};
    uint64_t code, ns;
    if (py_read_u64(&r, &code) || py_read_u64(&r, &ns))
        return NULL;
    if (!code && !(code = (uint64_t)compile(in, f, (const char *)r.p, start)))
        return NULL;
    PyObject *dict = ns ? (PyObject *)ns : in->names.main_dict;
    return py.PyEval_EvalCode((PyObject *)code, dict, dict);
}

static PyObject *perform(struct py_interp *in, struct py_frame *f, int op, uint64_t what,
                         const uint8_t *arg, size_t len) {
    switch (op) {
    case PY_OP_CALL:
        return call_name(in, (struct py_name *)what, arg, len);
    case PY_OP_FIND:
        return py_find(in, (struct py_name *)what);
    case PY_OP_CALL_OBJECT:
        return py_call_encoded(in, (PyObject *)what, arg, len);
    case PY_OP_ECHO:
        return py_decode_all(in, arg, len);
    case PY_OP_DECODE:
        return (PyObject *)what;
    case PY_OP_RAISE:
        py.PyErr_SetObject(py_type_of((PyObject *)what), (PyObject *)what);
        py.Py_DecRef((PyObject *)what);
        return NULL;
    case PY_OP_EVAL:
        return py_run_code(in, f, Py_eval_input, arg, len);
    default:
        return py_run_code(in, f, Py_file_input, arg, len);
    }
}

int py_result(struct py_interp *in, struct py_frame *f, PyObject *o) {
    if (!o)
        return py_raised(in, f);
    if (f->flags & PY_FRAME_KEEP) {
        f->obj = (uint64_t)o;
        return PY_OK;
    }
    int rc = f->flags & PY_FRAME_DROP ? 0 : py_encode(in, f, o);
    py.Py_DecRef(o);
    return rc ? py_raised(in, f) : PY_OK;
}

static int run(struct py_interp *in, struct py_frame *f, int op, uint64_t what, const uint8_t *arg,
               size_t len) {
    int cancellable = f->flags & PY_FRAME_CANCELLABLE, rc;
    struct py_state *st = py_thread.cur;
    struct py_frame *outer = st->frame;
    if (cancellable && (rc = py_begin(f)))
        return rc;
    st->frame = f;
    rc = py_result(in, f, perform(in, f, op, what, arg, len));
    st->frame = outer;
    if (cancellable)
        py_end(in, f);
    if (f->flags & PY_FRAME_TIMED)
        f->left = py_now();
    return rc;
}

void py_run(uintptr_t interp, struct py_frame *f, int op, uint64_t what, const uint8_t *arg,
            size_t len) {
    struct py_interp *in = (struct py_interp *)interp;
    struct py_scope sc;
    f->status = (uint32_t)py_enter(in, &sc, f);
    if (f->status != PY_OK)
        return;
    f->status = (uint32_t)run(in, f, op, what, arg, len);
    py_leave(&sc);
}
