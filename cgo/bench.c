// The same work without Go: what the benchmarks compare with.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "_cgo_export.h"

void py_empty(void) {
}

static int64_t one_call(PyObject *fn, long a, long b) {
    PyObject *args[3] = {NULL, py.PyLong_FromLongLong(a), py.PyLong_FromLongLong(b)};
    size_t n = 2 | PY_VECTORCALL_ARGUMENTS_OFFSET;
    int overflow;
    PyObject *r = py.PyObject_Vectorcall ? py.PyObject_Vectorcall(fn, args + 1, n, NULL)
                                         : py.PyObject_VectorcallDict(fn, args + 1, n, NULL);
    int64_t sum = r ? py.PyLong_AsLongLongAndOverflow(r, &overflow) : 0;
    if (r)
        py.Py_DecRef(r);
    py.Py_DecRef(args[1]);
    py.Py_DecRef(args[2]);
    return sum;
}

// ns for `rounds` calls of a function of __main__: attaching for each, or once for all.
int64_t py_bench_call(struct py_interp *in, const char *name, long a, long b, int64_t rounds,
                      int each) {
    struct py_scope sc;
    if (py_enter(in, &sc, NULL))
        return -1;
    PyObject *fn = py.PyDict_GetItemString(in->names.main_dict, name); // borrowed
    int64_t sum = 0, start = py_now();
    for (int64_t i = 0; fn && i < rounds; i++) {
        sum += one_call(fn, a, b);
        if (each)
            py.PyEval_RestoreThread(py.PyEval_SaveThread());
    }
    int64_t took = py_now() - start;
    py_leave(&sc);
    return fn && sum == rounds * (a + b) ? took : -1;
}

static PyObject *bare_callback(PyObject *const *args, int detach) {
    int overflow;
    int64_t a = py.PyLong_AsLongLongAndOverflow(args[0], &overflow);
    int64_t b = py.PyLong_AsLongLongAndOverflow(args[1], &overflow);
    PyThreadState *ts = detach ? py.PyEval_SaveThread() : NULL;
    int64_t sum = go_bench(a, b);
    if (detach)
        py.PyEval_RestoreThread(ts);
    return py.PyLong_FromLongLong(sum);
}

// ns for `rounds` calls of a Go function of two ints; NULL: of one that C calls with no ado.
int64_t py_bench_callback(struct py_interp *in, struct py_go *function, int detach,
                          int64_t rounds) {
    struct py_scope sc;
    if (py_enter(in, &sc, NULL))
        return -1;
    PyObject *fn = function ? py_go_object(in, function, NULL) : NULL, *r = NULL;
    PyObject *args[3] = {NULL, py.PyLong_FromLongLong(1200), py.PyLong_FromLongLong(1300)};
    int64_t start = py_now();
    for (int64_t i = 0; i < rounds; i++) {
        r = fn ? py_vectorcall(fn, args + 1, 2, NULL) : bare_callback(args + 1, detach);
        if (!r)
            break;
        py.Py_DecRef(r);
    }
    int64_t took = py_now() - start;
    py.PyErr_Clear();
    py.Py_DecRef(args[1]);
    py.Py_DecRef(args[2]);
    if (fn)
        py.Py_DecRef(fn);
    py_leave(&sc);
    return r ? took : -1;
}

// ns for `rounds` lists of n values made (from numbers, or from texts in one block), or read back
// into memory of C's own.
enum { INTS, FLOATS, TEXTS };

static PyObject *make_item(int kind, int64_t i, char text[32]) {
    if (kind == INTS)
        return py.PyLong_FromLongLong(i * 1000003);
    if (kind == FLOATS)
        return py.PyFloat_FromDouble((double)i * 0.5);
    return py.PyUnicode_FromStringAndSize(text, 12);
}

static PyObject *make_list(int kind, int64_t n) {
    char text[32] = "item 0123456";
    PyObject *list = py.PyList_New(n);
    for (int64_t i = 0; list && i < n; i++) {
        text[5] = (char)('a' + i % 26);
        py.PyList_SetItem(list, i, make_item(kind, i, text));
    }
    return list;
}

static void read_list(int kind, PyObject *list, int64_t n, void *to) {
    for (int64_t i = 0; i < n; i++) {
        PyObject *o = py.PyList_GetItem(list, i);
        int overflow;
        Py_ssize_t len;
        const char *s;
        if (kind == INTS) {
            ((int64_t *)to)[i] = py.PyLong_AsLongLongAndOverflow(o, &overflow);
        } else if (kind == FLOATS) {
            ((double *)to)[i] = py.PyFloat_AsDouble(o);
        } else if ((s = py.PyUnicode_AsUTF8AndSize(o, &len))) {
            char *copy = malloc((size_t)len + 1);
            if (copy)
                memcpy(copy, s, (size_t)len + 1);
            ((char **)to)[i] = copy;
        }
    }
}

int64_t py_bench_list(struct py_interp *in, int kind, int64_t n, int64_t rounds, int back) {
    struct py_scope sc;
    int64_t took = 0;
    if (py_enter(in, &sc, NULL))
        return -1;
    PyObject *kept = make_list(kind, n);
    for (int64_t r = 0; kept && r < rounds; r++) {
        int64_t start = py_now();
        void **to = back ? malloc((size_t)n * sizeof *to) : NULL;
        if (to)
            read_list(kind, kept, n, to);
        else
            py.Py_DecRef(make_list(kind, n));
        took += py_now() - start;
        for (int64_t i = 0; to && kind == TEXTS && i < n; i++)
            free(to[i]);
        free(to);
    }
    if (kept)
        py.Py_DecRef(kept);
    py_leave(&sc);
    return took;
}

// What the process holds in memory.
static int64_t resident(void) {
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

// The mean ns for each of n new interpreters, which are there together and are ended again, and the
// bytes that each adds to the process; -1: one could not be made.
enum { SUBS = 64 };

int64_t py_bench_sub(struct py_interp *main, const PyInterpreterConfig *config, int n,
                     int64_t *bytes) {
    struct py_scope sc;
    char err[256];
    PyThreadState *ts[SUBS];
    int made = 0;
    if (py_enter(main, &sc, NULL))
        return -1;
    int64_t before = resident(), start = py_now();
    while (made < n && made < SUBS && (ts[made] = py_create(config, err, sizeof err))) {
        made++;
        py.PyThreadState_Swap(sc.st->ts);
    }
    int64_t took = py_now() - start;
    *bytes = made ? (resident() - before) / made : 0;
    for (int i = 0; i < made; i++) {
        py.PyThreadState_Swap(ts[i]);
        py.Py_EndInterpreter(ts[i]);
        py.PyThreadState_Swap(sc.st->ts);
    }
    py_leave(&sc);
    return made == n ? took / n : -1;
}

// ns for `rounds` accesses of bench_object of __main__ in one attachment: its attribute `field`, by
// a name that is interned once; its item 7; its item "field", by a text.
enum { ATTR, INDEX, KEY };

static PyObject *access_once(int what, PyObject *o, PyObject *name) {
    if (what == ATTR)
        return py.PyObject_GetAttr(o, name);
    PyObject *key =
        what == INDEX ? py.PyLong_FromLongLong(7) : py.PyUnicode_FromStringAndSize("field", 5);
    PyObject *v = key ? py.PyObject_GetItem(o, key) : NULL;
    if (key)
        py.Py_DecRef(key);
    return v;
}

int64_t py_bench_access(struct py_interp *in, int what, int64_t rounds) {
    struct py_scope sc;
    if (py_enter(in, &sc, NULL))
        return -1;
    PyObject *o = py.PyDict_GetItemString(in->names.main_dict, "bench_object"); // borrowed
    PyObject *name = py.PyUnicode_InternFromString("field");
    int64_t start = py_now();
    for (int64_t i = 0; o && i < rounds; i++) {
        PyObject *v = access_once(what, o, name);
        if (v)
            py.Py_DecRef(v);
    }
    int64_t took = py_now() - start;
    if (name)
        py.Py_DecRef(name);
    py.PyErr_Clear();
    py_leave(&sc);
    return o ? took : -1;
}
