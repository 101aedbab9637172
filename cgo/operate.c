// Operations of a Thread of Go that cross in registers: objects, numbers and short texts. The
// calling OS thread is attached already.
#include <stdio.h>

#include "host.h"

struct operation {
    struct py_interp *in;
    PyObject *o, *x, *y;
    uint64_t raw; // y of PY_X_RAW
    const uint8_t *text;
    size_t len;
};

// References of the caller's are borrowed: it holds them for as long.
static int borrowed(int kind) {
    return kind == PY_T_REF || kind == PY_X_RAW;
}

static PyObject *text(const uint8_t *s, size_t len) {
    return py.PyUnicode_DecodeUTF8((const char *)s, (Py_ssize_t)len, "surrogateescape");
}

static PyObject *operand(struct py_reader *r, int kind, uint64_t bits) {
    switch (kind) {
    case PY_X_RAW:
        return NULL;
    case PY_T_REF:
        return (PyObject *)bits;
    case PY_X_TEXT:
        return text(r->p, (size_t)(r->end - r->p));
    case PY_X_ENCODED:
        return py_decode(r, 0);
    }
    return py_number(kind, bits);
}

// What came out. Only one that failed leaves an exception, and that is taken.
static struct py_scalar failed(void) {
    return (struct py_scalar){(uint64_t)py_take_exception(), PY_T_OBJECT, PY_RAISED};
}

static struct py_scalar object(PyObject *o) {
    return o ? (struct py_scalar){(uint64_t)o, PY_T_OBJECT, PY_OK} : failed();
}

static struct py_scalar number(Py_ssize_t n) {
    if (n == -1 && py.PyErr_Occurred())
        return failed();
    return (struct py_scalar){(uint64_t)n, PY_T_INT, PY_OK};
}

static struct py_scalar has_attr(PyObject *o, PyObject *name) {
    PyObject *v = py.PyObject_GetAttr(o, name);
    if (v)
        py.Py_DecRef(v);
    else if (!py.PyErr_ExceptionMatches(*py.PyExc_AttributeError))
        return failed();
    else
        py.PyErr_Clear();
    return number(v != NULL);
}

static struct py_scalar not_found(PyObject *type, const char *format, PyObject *name) {
    char msg[256];
    const char *s = py.PyUnicode_AsUTF8AndSize(name, NULL);
    if (!s)
        py.PyErr_Clear();
    snprintf(msg, sizeof msg, format, s ? s : "?");
    py_fail(type, msg);
    return failed();
}

static struct py_scalar module(PyObject *name) {
    PyObject *mod = py.PyImport_GetModule(name);
    if (mod || py.PyErr_Occurred())
        return object(mod);
    return not_found(*py.PyExc_ModuleNotFoundError, "module '%.200s' is not loaded", name);
}

static struct py_scalar builtin(struct py_interp *in, PyObject *name) {
    PyObject *o = py_dict_get(in->names.builtins, name);
    if (o || py.PyErr_Occurred())
        return object(o);
    return not_found(*py.PyExc_NameError, "builtin '%.200s' is not defined", name);
}

static struct py_scalar next(PyObject *iter) {
    PyObject *o = py.PyIter_Next(iter);
    if (o || py.PyErr_Occurred())
        return object(o);
    return (struct py_scalar){0, PY_T_NONE, PY_OK};
}

// An object that is no number stays the caller's.
static struct py_scalar as_number(PyObject *o) {
    struct py_scalar r = py_read_scalar(py_hold(o));
    if (r.kind == PY_T_OBJECT)
        py.Py_DecRef(o);
    return r;
}

// Operators cross as their letters, the first in the low byte.
#define OP2(a, b) ((a) | (b) << 8)
#define OP3(a, b, c) ((a) | (b) << 8 | (c) << 16)

static int comparison(uint64_t op) { // Py_LT ... Py_GE, or -1
    switch (op) {
    case '<':
        return 0;
    case OP2('<', '='):
        return 1;
    case OP2('=', '='):
        return 2;
    case OP2('!', '='):
        return 3;
    case '>':
        return 4;
    case OP2('>', '='):
        return 5;
    }
    return -1;
}

typedef PyObject *(*binary_func)(PyObject *, PyObject *);

static binary_func function_of(uint64_t op) {
#define PAIR(letters, shift, name)                                                                 \
    case letters:                                                                                  \
        return py.PyNumber_##name;                                                                 \
    case (letters) | '=' << (shift):                                                               \
        return py.PyNumber_InPlace##name;
    switch (op) {
        PAIR('+', 8, Add)
        PAIR('-', 8, Subtract)
        PAIR('*', 8, Multiply)
        PAIR('@', 8, MatrixMultiply)
        PAIR('/', 8, TrueDivide)
        PAIR('%', 8, Remainder)
        PAIR('&', 8, And)
        PAIR('|', 8, Or)
        PAIR('^', 8, Xor)
        PAIR(OP2('/', '/'), 16, FloorDivide)
        PAIR(OP2('<', '<'), 16, Lshift)
        PAIR(OP2('>', '>'), 16, Rshift)
    }
    return NULL;
}

static PyObject *binary(uint64_t op, PyObject *a, PyObject *b) {
    if (comparison(op) >= 0)
        return py.PyObject_RichCompare(a, b, comparison(op));
    if (op == OP2('*', '*'))
        return py.PyNumber_Power(a, b, py._Py_NoneStruct);
    if (op == OP3('*', '*', '='))
        return py.PyNumber_InPlacePower(a, b, py._Py_NoneStruct);
    binary_func f = function_of(op);
    if (f)
        return f(a, b);
    py.PyErr_SetString(*py.PyExc_ValueError, "no such operator");
    return NULL;
}

static struct py_scalar compare(uint64_t op, PyObject *a, PyObject *b) {
    PyObject *o = binary(op, a, b);
    if (!o)
        return failed();
    int truth = o == py._Py_TrueStruct ? 1 : o == py._Py_FalseStruct ? 0 : py.PyObject_IsTrue(o);
    struct py_scalar r = number(truth);
    py.Py_DecRef(o);
    return r;
}

static struct py_scalar import(PyObject *name) {
    return object(py.PyImport_Import(name));
}

static PyObject *interned(PyObject *name) {
    py_hold(name);
    py.PyUnicode_InternInPlace(&name);
    return name;
}

static struct py_scalar perform(int op, struct operation *d) {
    PyObject *o = d->o, *x = d->x, *y = d->y;
    switch (op) {
    case PY_DO_ATTR:
        return object(py.PyObject_GetAttr(o, x));
    case PY_DO_ITEM:
        return object(py.PyObject_GetItem(o, x));
    case PY_DO_SET_ATTR:
        return number(py.PyObject_SetAttr(o, x, y));
    case PY_DO_DEL_ATTR:
        return number(py.PyObject_SetAttr(o, x, NULL));
    case PY_DO_HAS_ATTR:
        return has_attr(o, x);
    case PY_DO_SET_ITEM:
        return number(py.PyObject_SetItem(o, x, y));
    case PY_DO_DEL_ITEM:
        return number(py.PyObject_DelItem(o, x));
    case PY_DO_CONTAINS:
        return number(py.PySequence_Contains(o, x));
    case PY_DO_LEN:
        return number(py.PyObject_Size(o));
    case PY_DO_TRUTH:
        return number(py.PyObject_IsTrue(o));
    case PY_DO_HASH:
        return number(py.PyObject_Hash(o));
    case PY_DO_NUMBER:
        return as_number(o);
    case PY_DO_TYPE:
        return object(py_hold(py_type_of(o)));
    case PY_DO_IS:
        return number(o == x);
    case PY_DO_IS_INSTANCE:
        return number(py.PyObject_IsInstance(o, x));
    case PY_DO_COMPARE:
        return compare(d->raw, o, x);
    case PY_DO_BINARY:
        return object(binary(d->raw, o, x));
    case PY_DO_UNARY:
        return object(d->raw == '-'   ? py.PyNumber_Negative(o)
                      : d->raw == '+' ? py.PyNumber_Positive(o)
                                      : py.PyNumber_Invert(o));
    case PY_DO_ITER:
        return object(py.PyObject_GetIter(o));
    case PY_DO_NEXT:
        return next(o);
    case PY_DO_CALL:
        return object(py_call_encoded(d->in, o, d->text, d->len));
    case PY_DO_METHOD:
        return object(py_call_method(d->in, o, x, d->text, d->len));
    case PY_DO_IMPORT:
        return import(x);
    case PY_DO_MODULE:
        return module(x);
    case PY_DO_BUILTIN:
        return builtin(d->in, x);
    case PY_DO_FIND:
        return object(py_find(d->in, (struct py_name *)d->raw));
    case PY_DO_INTERN:
        return object(interned(x));
    default: // PY_DO_VALUE
        return object(py_hold(x));
    }
}

struct py_scalar py_operate(uintptr_t interp, struct py_frame *thread, uint64_t obj, uint64_t what,
                            uint64_t x, uint64_t y, const uint8_t *text, size_t len) {
    struct py_frame *outer;
    PyObject *exc[3];
    if (!py_begin_op(thread, &outer, exc))
        return (struct py_scalar){0, PY_T_NONE, PY_NOT_ATTACHED};
    int kx = what >> 8 & 255, ky = what >> 16 & 255, begun = 0;
    struct operation d = {.in = (struct py_interp *)interp, .o = (PyObject *)obj, .raw = y};
    struct py_reader r = {.p = text, .end = text + len, .in = d.in, .trusted = 1};
    struct py_scalar result;
    d.text = text;
    d.len = len;
    if (kx == PY_X_ENCODED || ky == PY_X_ENCODED)
        begun = py_reader_begin(&r);
    d.x = operand(&r, kx, x);
    int good = d.x || kx == PY_X_RAW;
    d.y = good ? operand(&r, ky, y) : NULL;
    good = good && (d.y || ky == PY_X_RAW);
    if (r.keys || r.layouts || begun)
        py_reader_end(&r, begun);
    result = good ? perform(what & 255, &d) : failed();
    if (!borrowed(kx) && d.x)
        py.Py_DecRef(d.x);
    if (!borrowed(ky) && d.y)
        py.Py_DecRef(d.y);
    py_end_op(outer, exc);
    return result;
}

// The shortest way, for what is done most. The result is an object; or tagged, as objects never
// are: an exception, whose reference is handed over as well, or the refusal of a thread that is not
// attached.
static inline uint64_t got(PyObject *o) {
    return o ? (uint64_t)o : (uint64_t)py_take_exception() | PY_GOT_EXCEPTION;
}

uint64_t py_get_attr(struct py_frame *thread, uint64_t obj, uint64_t name) {
    struct py_frame *outer;
    PyObject *exc[3];
    if (!py_begin_op(thread, &outer, exc))
        return PY_GOT_NOTHING;
    uint64_t r = got(py.PyObject_GetAttr((PyObject *)obj, (PyObject *)name));
    py_end_op(outer, exc);
    return r;
}

static uint64_t get_item(uint64_t obj, PyObject *key) {
    uint64_t r = got(key ? py.PyObject_GetItem((PyObject *)obj, key) : NULL);
    if (key)
        py.Py_DecRef(key);
    return r;
}

uint64_t py_get_index(struct py_frame *thread, uint64_t obj, int64_t i) {
    struct py_frame *outer;
    PyObject *exc[3];
    if (!py_begin_op(thread, &outer, exc))
        return PY_GOT_NOTHING;
    uint64_t r = get_item(obj, py.PyLong_FromLongLong(i));
    py_end_op(outer, exc);
    return r;
}

uint64_t py_get_key(struct py_frame *thread, uint64_t obj, const uint8_t *key, size_t len) {
    struct py_frame *outer;
    PyObject *exc[3];
    if (!py_begin_op(thread, &outer, exc))
        return PY_GOT_NOTHING;
    uint64_t r = get_item(obj, text(key, len));
    py_end_op(outer, exc);
    return r;
}
