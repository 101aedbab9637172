// The same work without Go: what the benchmarks compare with.
#include "host.h"

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
