// Sub-interpreters, each created and ended on one OS thread, its keeper: 3.12 wants it so, and the
// thread state that came with it stays there, so that the interpreter never has none.
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

int py_own_gil(void) {
    return py.Py_NewInterpreterFromConfig && py_loaded_version() >= 0x030d && !py_free_threaded();
}

// From the thread state that is attached, in whose place the new one then is. NULL: an error.
PyThreadState *py_create(const PyInterpreterConfig *config, char *err, size_t cap) {
    PyThreadState *ts = NULL;
    if (py.Py_NewInterpreterFromConfig) {
        PyStatus s = py.Py_NewInterpreterFromConfig(&ts, config);
        if (s._type)
            snprintf(err, cap, "%s", s.err_msg ? s.err_msg : "unknown error");
    } else if (!(ts = py.Py_NewInterpreter())) {
        snprintf(err, cap, "Py_NewInterpreter failed");
    }
    return ts;
}

// The caller sees that nobody else creates one now: it holds a lock that it took before.
struct py_interp *py_sub_start(struct py_interp *main, const PyInterpreterConfig *config,
                               uint64_t handle, char *err, size_t cap) {
    struct py_scope sc;
    struct py_interp *in = NULL;
    if (py_enter(main, &sc, NULL)) {
        snprintf(err, cap, "out of memory");
        return NULL;
    }
    py_memory_begin(main);
    PyThreadState *ts = py_create(config, err, cap);
    if (ts) {
        if (!(in = py_new_interp(ts, handle))) {
            snprintf(err, cap, "out of memory");
            py.Py_EndInterpreter(ts);
        } else {
            in->main = main;
            py_memory_watch(in);
        }
        py.PyThreadState_Swap(sc.st->ts);
    }
    if (!in)
        py_memory_watch(NULL);
    py_leave(&sc);
    return in;
}

// On its keeper, when nobody is inside and nobody will be. See py_finish.
int py_sub_end(struct py_interp *in, int64_t limit) {
    // Up to 3.11 the GIL is the main interpreter's and still held when the sub-interpreter has
    // gone.
    int legacy = py_loaded_version() < 0x030c;
    struct py_scope sc;
    if (legacy) {
        if (py_enter(in->main, &sc, NULL))
            return -1;
        py.PyThreadState_Swap(in->anchor);
    } else {
        py.PyEval_RestoreThread(in->anchor);
    }
    void *slot = py_slot_swap(in->anchor);
    int strangers = py_strangers(in, limit);
    if (!strangers) {
        py_drop_names(in);
        py_shapes_drop(in);
        py.Py_EndInterpreter(in->anchor);
        py_exports_end(in);
    }
    py_slot_swap(slot);
    if (legacy) {
        py.PyThreadState_Swap(sc.st->ts);
        py_leave(&sc);
    } else if (strangers) {
        py.PyEval_SaveThread();
    }
    return strangers;
}
