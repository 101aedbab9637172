// What must not be looked at while other threads of the interpreter run Python code: on
// free-threaded builds they are stopped for it, on others the GIL is held.
#include "host.h"

struct look {
    void (*fn)(void *);
    void *arg;
};

static int at_first(PyObject *o, void *arg) {
    struct look *l = arg;
    (void)o;
    if (l->fn)
        l->fn(l->arg);
    l->fn = NULL;
    return 0;
}

// fn may neither detach nor call what takes the lock of CPython's thread states: it is held. The
// visit of the collector's objects is what the ABI has that stops the world; there are some always.
void py_while_stopped(void (*fn)(void *), void *arg) {
    struct look l = {fn, arg};
    if (py_free_threaded() && py.PyUnstable_GC_VisitObjects)
        py.PyUnstable_GC_VisitObjects(at_first, &l);
    else
        fn(arg);
}
