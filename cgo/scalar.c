// The short way for a call whose arguments and result are single numbers: nothing is encoded, and
// everything crosses in registers. What turns out not to be a number comes back as an object, and a
// second crossing encodes it.
#include <string.h>

#include "host.h"

PyObject *py_number(int kind, uint64_t bits) {
    double d;
    PyObject *o;
    switch (kind) {
    case PY_T_INT:
        return py.PyLong_FromLongLong((int64_t)bits);
    case PY_T_FLOAT:
        memcpy(&d, &bits, 8);
        return py.PyFloat_FromDouble(d);
    default:
        o = kind == PY_T_TRUE    ? py._Py_TrueStruct
            : kind == PY_T_FALSE ? py._Py_FalseStruct
                                 : py._Py_NoneStruct;
        py.Py_IncRef(o);
        return o;
    }
}

// Takes the reference, and keeps it where the object itself is the result.
struct py_scalar py_read_scalar(PyObject *o) {
    struct py_scalar r = {(uint64_t)o, PY_T_OBJECT, PY_OK};
    PyObject *type = py_type_of(o);
    int overflow = 0;
    if (type == py.PyLong_Type) {
        long long v = py.PyLong_AsLongLongAndOverflow(o, &overflow);
        if (!overflow)
            r = (struct py_scalar){(uint64_t)v, PY_T_INT, PY_OK};
    } else if (type == py.PyFloat_Type) {
        double d = py.PyFloat_AsDouble(o);
        r.kind = PY_T_FLOAT;
        memcpy(&r.bits, &d, 8);
    } else if (o == py._Py_NoneStruct) {
        r.kind = PY_T_NONE;
    } else if (o == py._Py_TrueStruct || o == py._Py_FalseStruct) {
        r.kind = o == py._Py_TrueStruct ? PY_T_TRUE : PY_T_FALSE;
    }
    if (r.kind != PY_T_OBJECT)
        py.Py_DecRef(o);
    return r;
}

static PyObject *call(PyObject *fn, uint64_t kinds, const uint64_t *bits) {
    PyObject *args[PY_SCALARS + 1], *result = NULL;
    size_t n = 0;
    for (; kinds && (args[n + 1] = py_number(kinds & 15, bits[n])); kinds >>= 4)
        n++;
    if (!kinds)
        result = py_vectorcall(fn, args + 1, n, NULL);
    while (n)
        py.Py_DecRef(args[n--]);
    return result;
}

static struct py_scalar attached(struct py_interp *in, struct py_name *name, uint64_t kinds,
                                 const uint64_t *bits) {
    PyObject *fn = py_find(in, name), *o = fn ? call(fn, kinds, bits) : NULL;
    if (fn)
        py.Py_DecRef(fn);
    if (o)
        return py_read_scalar(o);
    return (struct py_scalar){(uint64_t)py_take_exception(), PY_T_OBJECT, PY_RAISED};
}

// how: PY_FRAME_BATON to pass it on, or PY_NESTED.
struct py_scalar py_call_scalars(uintptr_t interp, uint64_t name, int how, uint64_t kinds,
                                 uint64_t a, uint64_t b, uint64_t c) {
    struct py_interp *in = (struct py_interp *)interp;
    uint64_t bits[PY_SCALARS] = {a, b, c};
    struct py_scope sc;
    struct py_scalar r = {0, PY_T_NONE, PY_OK};
    if (how == PY_NESTED && !(py_thread.cur && py_thread.cur->in == in))
        return (struct py_scalar){0, PY_T_NONE, PY_NOT_ATTACHED};
    struct py_state *st = py_hop_on(in);
    if (!st && (r.status = py_enter(in, &sc, NULL)) != PY_OK) {
        if (how == PY_FRAME_BATON)
            py_pass_baton(in);
        return r;
    }
    if (how == PY_FRAME_BATON)
        py_pass_baton(in);
    r = attached(in, (struct py_name *)name, kinds, bits);
    if (st)
        py_hop_off(st);
    else
        py_leave(&sc);
    return r;
}
