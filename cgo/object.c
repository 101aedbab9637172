// Operations of a Thread of Go whose result is encoded, and its references. The calling OS thread
// is attached already.
#include <string.h>

#include "host.h"

static PyObject *perform(struct py_interp *in, struct py_frame *f, int op, PyObject *o,
                         const uint8_t *arg, size_t len) {
    switch (op) {
    case PY_OBJ_STR:
        return py.PyObject_Str(o);
    case PY_OBJ_REPR:
        return py.PyObject_Repr(o);
    case PY_OBJ_DIR:
        return py.PyObject_Dir(o);
    case PY_OBJ_TYPE_NAME:
        return py.PyObject_GetAttrString(py_type_of(o), "__name__");
    case PY_OBJ_EVAL:
        return py_run_code(in, f, Py_eval_input, arg, len);
    case PY_OBJ_EXEC:
        return py_run_code(in, f, Py_file_input, arg, len);
    default: // PY_OBJ_DECODE
        return py_hold(o);
    }
}

// The exception that other code of the C API left set, or what it did to the thread.
static int pending(struct py_interp *in, struct py_frame *thread, struct py_frame *f) {
    int moved = py_realign(thread);
    if (moved < 0)
        return PY_NOT_ATTACHED;
    if (moved && !py.PyErr_Occurred())
        py.PyErr_SetString(*py.PyExc_RuntimeError,
                           "the code detached its thread, by PyEval_SaveThread or "
                           "PyThreadState_Swap, and did not attach it again");
    return py.PyErr_Occurred() ? py_raised(in, f) : PY_OK;
}

int py_object(uintptr_t interp, struct py_frame *thread, struct py_frame *f, int op, uint64_t obj,
              const uint8_t *arg, size_t len) {
    struct py_interp *in = (struct py_interp *)interp;
    struct py_frame *outer;
    PyObject *exc[3];
    if (op == PY_OBJ_PENDING)
        return pending(in, thread, f);
    if (!py_begin_op(thread, &outer, exc))
        return PY_NOT_ATTACHED;
    int rc = op == PY_OBJ_VIEW ? py_view_open(in, f, (PyObject *)obj, *arg)
                               : py_result(in, f, perform(in, f, op, (PyObject *)obj, arg, len));
    py_end_op(outer, exc);
    return rc;
}

int py_incref(struct py_frame *thread, uint64_t obj) {
    if (!py_holds(thread))
        return PY_NOT_ATTACHED;
    py.Py_IncRef((PyObject *)obj);
    return PY_OK;
}

int py_release(struct py_frame *thread, const uint64_t *objs, size_t n) {
    if (!py_holds(thread))
        return PY_NOT_ATTACHED;
    while (n--)
        py.Py_DecRef((PyObject *)objs[n]);
    py_catch_up(py_thread.cur->in); // a Thread may stay attached for long
    return PY_OK;
}
