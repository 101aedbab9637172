// Python functions made of C that call Go. They run detached: others run Python meanwhile.
#include <string.h>

#include "host.h"
#include "_cgo_export.h"

// Bit fd: this thread is in the writer of that stream, which holds the stream's lock.
static __thread int writing;

// native.write(fd, data): a stream of the host. self is the interpreter's address.
static PyObject *write_stream(PyObject *self, PyObject *args) {
    struct py_interp *in = py.PyLong_AsVoidPtr(self);
    struct py_callback cb;
    char *data, err[256] = "";
    Py_ssize_t n;
    int fd, overflow;
    PyObject *number = py.PyTuple_GetItem(args, 0), *bytes = py.PyTuple_GetItem(args, 1);
    if (!number || !bytes || py.PyBytes_AsStringAndSize(bytes, &data, &n))
        return NULL;
    fd = (int)py.PyLong_AsLongLongAndOverflow(number, &overflow);
    if (writing & 1 << fd) {
        py.PyErr_SetString(*py.PyExc_OSError, "the writer of a stream printed to its own stream");
        return NULL;
    }
    py_unblock(in, &cb);
    writing |= 1 << fd;
    int failed = go_write(in->handle, fd, data, n, err, sizeof err);
    writing &= ~(1 << fd);
    py_block(in, &cb);
    if (failed) {
        return py_fail(*py.PyExc_OSError, err), NULL;
    }
    return py.PyLong_FromLongLong(n);
}

// native.exit_thread(ident): raises SystemExit in a thread of Python.
static PyObject *exit_thread(PyObject *self, PyObject *args) {
    (void)self;
    int overflow;
    PyObject *number = py.PyTuple_GetItem(args, 0);
    if (!number)
        return NULL;
    long long ident = py.PyLong_AsLongLongAndOverflow(number, &overflow);
    return py.PyLong_FromLongLong(
        py.PyThreadState_SetAsyncExc((unsigned long)ident, *py.PyExc_SystemExit));
}

// native.adopt(cls, value): an instance of a class derived from Value, for the same value of Go.
static PyObject *adopt(PyObject *self, PyObject *args) {
    struct py_interp *in = py.PyLong_AsVoidPtr(self);
    PyObject *cls = py.PyTuple_GetItem(args, 0), *value = py.PyTuple_GetItem(args, 1);
    struct py_go *g = cls && value ? py_go_of(in, value) : NULL;
    if (g && py.PyType_GetFlags(py_type_of(cls)) & Py_TPFLAGS_TYPE &&
        py.PyType_IsSubtype(cls, py_type_of(value)))
        return py_go_object(in, g, cls);
    if (!py.PyErr_Occurred())
        py.PyErr_SetString(*py.PyExc_TypeError, "not a value of Go");
    return NULL;
}

// native.find(name): what a call of that name would call.
static PyObject *find(PyObject *self, PyObject *args) {
    struct py_interp *in = py.PyLong_AsVoidPtr(self);
    PyObject *name = py.PyTuple_GetItem(args, 0);
    Py_ssize_t len;
    const char *text = name ? py.PyUnicode_AsUTF8AndSize(name, &len) : NULL;
    struct py_name *n = text ? py_name_new(text, (size_t)len, 1) : NULL;
    if (!n)
        return text ? py.PyErr_NoMemory() : NULL;
    PyObject *o = py_find(in, n);
    py_name_free(in, n);
    return o;
}

// native.unraisable(exc, where): gives an exception that nobody can be told of to
// sys.unraisablehook.
static PyObject *unraisable(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *exc = py.PyTuple_GetItem(args, 0), *where = py.PyTuple_GetItem(args, 1);
    if (!exc || !where)
        return NULL;
    py.PyErr_SetObject(py_type_of(exc), exc);
    py.PyErr_WriteUnraisable(where);
    return py_hold(py._Py_NoneStruct);
}

static PyMethodDef natives[] = {
    {"adopt", adopt, METH_VARARGS, "adopt(cls, value): an instance for the same value of Go"},
    {"by_keeper", py_by_keeper, METH_VARARGS, "by_keeper(function): called by the keeper"},
    {"exit_thread", exit_thread, METH_VARARGS, "exit_thread(ident): SystemExit in that thread"},
    {"find", find, METH_VARARGS, "find(name): what a call of that name would call"},
    {"unraisable", unraisable, METH_VARARGS, "unraisable(exc, where) to sys.unraisablehook"},
    {"write", write_stream, METH_VARARGS, "write(fd, data) to a stream of the host"},
};

// A dict of the functions above, bound to the interpreter.
PyObject *py_natives(struct py_interp *in) {
    PyObject *self = py.PyLong_FromVoidPtr(in), *dict = py.PyDict_New();
    int rc = self && dict ? 0 : -1;
    for (size_t i = 0; !rc && i < sizeof natives / sizeof *natives; i++) {
        PyObject *fn = py.PyCFunction_NewEx(&natives[i], self, NULL);
        rc = fn ? py.PyDict_SetItemString(dict, natives[i].ml_name, fn) : -1;
        if (fn)
            py.Py_DecRef(fn);
    }
    PyObject *value = rc ? NULL : py_value_type(in);
    rc = value ? py.PyDict_SetItemString(dict, "Value", value) : -1;
    if (self)
        py.Py_DecRef(self);
    if (rc && dict) {
        py.Py_DecRef(dict);
        dict = NULL;
    }
    return dict;
}
