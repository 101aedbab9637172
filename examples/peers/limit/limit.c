// The limit: the same work in C. limit <folder of work.py> <task> <rounds> held|attach prints the
// seconds they took, the GIL held throughout or taken for each round. The benchmark compiles it
// against the libpython of the others.
#include <Python.h>
#include <time.h>

enum { NUMBERS = 10000, KEYS = 1000 };

static PyObject *function(const char *name) {
    PyObject *mod = PyImport_ImportModule("work");
    return mod ? PyObject_GetAttrString(mod, name) : NULL;
}

static PyObject *call(PyObject *fn, PyObject *a, PyObject *b) {
    PyObject *args[] = {NULL, a, b};
    size_t n = b ? 2 : 1;
    PyObject *r = PyObject_Vectorcall(fn, args + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(a);
    Py_XDECREF(b);
    return r;
}

static long add(PyObject *fn) {
    PyObject *r = call(fn, PyLong_FromLong(20), PyLong_FromLong(22));
    long sum = PyLong_AsLong(r);
    Py_DECREF(r);
    return sum == 42;
}

static long list(PyObject *fn) {
    static int64_t out[NUMBERS];
    PyObject *in = PyList_New(NUMBERS);
    for (long i = 0; i < NUMBERS; i++)
        PyList_SET_ITEM(in, i, PyLong_FromLongLong(i));
    PyObject *r = call(fn, in, NULL);
    for (long i = 0; i < NUMBERS; i++)
        out[i] = PyLong_AsLongLong(PyList_GET_ITEM(r, i));
    Py_DECREF(r);
    return out[NUMBERS - 1] == NUMBERS - 1;
}

static long dict(PyObject *fn) {
    PyObject *in = PyDict_New(), *key, *value;
    Py_ssize_t at = 0;
    long sum = 0, length = 0;
    for (long i = 0; i < KEYS; i++) {
        char text[16];
        snprintf(text, sizeof text, "key %ld", i);
        PyObject *k = PyUnicode_FromString(text), *v = PyLong_FromLong(i);
        PyDict_SetItem(in, k, v);
        Py_DECREF(k);
        Py_DECREF(v);
    }
    PyObject *r = call(fn, in, NULL);
    while (PyDict_Next(r, &at, &key, &value)) {
        Py_ssize_t n;
        char *copy = strdup(PyUnicode_AsUTF8AndSize(key, &n));
        length += copy ? n : 0;
        sum += PyLong_AsLong(value);
        free(copy);
    }
    Py_DECREF(r);
    return length > 0 && sum == KEYS * (KEYS - 1L) / 2;
}

static long text(PyObject *fn) {
    static char in[60 * 20 + 1], out[2 * sizeof in];
    if (!in[0])
        for (int i = 0; i < 60; i++)
            strcat(in, "Straße ohne Ende. ");
    PyObject *r = call(fn, PyUnicode_FromString(in), NULL);
    Py_ssize_t n;
    const char *s = PyUnicode_AsUTF8AndSize(r, &n);
    memcpy(out, s, (size_t)n + 1);
    Py_DECREF(r);
    return n > 0;
}

int main(int argc, char **argv) {
    const struct {
        const char *task, *function;
        long (*run)(PyObject *);
    } tasks[] = {{"call", "add", add},
                 {"list", "back", list},
                 {"dict", "back", dict},
                 {"text", "upper", text}};
    if (argc != 5)
        return 2;
    int attach = !strcmp(argv[4], "attach");
    Py_InitializeEx(0);
    PyObject *path = PySys_GetObject("path"), *dir = PyUnicode_FromString(argv[1]);
    PyList_Insert(path, 0, dir);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        if (strcmp(tasks[i].task, argv[2]))
            continue;
        struct timespec from, to;
        PyObject *fn = function(tasks[i].function);
        if (!fn)
            return 1;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (long n = atol(argv[3]); n > 0; n--) {
            PyThreadState *state = attach ? PyEval_SaveThread() : NULL;
            if (attach)
                PyEval_RestoreThread(state);
            if (!tasks[i].run(fn))
                return 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%.9f\n", (double)(to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9);
        return 0;
    }
    return 2;
}
