// A Thread of Go: an attachment that outlives the crossing that made it.
#include "thread.h"

_Static_assert(sizeof(struct py_scope) <= sizeof(((struct py_frame *)0)->scope), "scope fits");

static struct py_scope *scope_of(struct py_frame *f) {
    return (struct py_scope *)f->scope;
}

static int is_mine(PyThreadState *ts) {
    struct py_state *st;
    for (st = py_thread.all; st && st->ts != ts; st = st->thread_next) {
    }
    return st != NULL;
}

int py_attach(struct py_interp *in, struct py_frame *f) {
    int rc = py_enter(in, scope_of(f), f);
    if (rc != PY_OK)
        return rc;
    if (f->flags & PY_FRAME_CANCELLABLE && py_begin(f)) {
        py_leave(scope_of(f));
        return PY_NEVER_RAN;
    }
    py_thread.cur->slots += (f->flags & PY_FRAME_SLOT) != 0;
    return PY_OK;
}

int py_holds(struct py_frame *f) {
    struct py_state *st = py_thread.cur;
    return st && st == scope_of(f)->st && (!py_foreign || py_is_current(st));
}

int py_realign(struct py_frame *f) {
    struct py_state *st = py_thread.cur;
    if (!st || st != scope_of(f)->st)
        return -1;
    if (py_is_current(st))
        return 0;
    PyThreadState *now = py_current();
    if (now && (py_loaded_version() >= 0x030c || is_mine(now)))
        py.PyThreadState_Swap(st->ts);
    else
        py.PyEval_RestoreThread(st->ts);
    py_slot_set(st->ts);
    return 1;
}

// Gives the objects back first; or refuses, and does nothing.
int py_detach(struct py_interp *in, struct py_frame *f, const uint64_t *objs, size_t n) {
    if (!py_holds(f))
        return PY_NOT_ATTACHED;
    if (scope_of(f)->depth != scope_of(f)->st->inside)
        return PY_NOT_LAST;
    if (py_foreign &&
        py.PyErr_Occurred()) // by other code of the C API: it would hit whoever comes next
        py.PyErr_WriteUnraisable(NULL);
    while (n--)
        py.Py_DecRef((PyObject *)objs[n]);
    if (f->flags & PY_FRAME_CANCELLABLE)
        py_end(in, f);
    if (f->flags & PY_FRAME_TIMED)
        f->left = py_now();
    py_thread.cur->slots -= (f->flags & PY_FRAME_SLOT) != 0;
    py_leave(scope_of(f));
    return PY_OK;
}

int py_pause(struct py_frame *f) {
    if (!py_holds(f))
        return PY_NOT_ATTACHED;
    py_state_detach(py_thread.cur);
    return PY_OK;
}

int py_resume(struct py_interp *in) {
    struct py_state *st = py_state_find(in);
    if (!st || py_thread.cur)
        return PY_NOT_ATTACHED;
    py.PyEval_RestoreThread(st->ts);
    py_state_attached(st, NULL);
    return PY_OK;
}

// Never wait for one interpreter while attached to another: the one that is waited for may need it.
struct py_state *py_park(struct py_interp *in) {
    struct py_state *st = py_thread.cur;
    if (!st || st->in == in)
        return NULL;
    py_state_detach(st);
    return st;
}

void py_unpark(struct py_state *st) {
    py.PyEval_RestoreThread(st->ts);
    py_state_attached(st, NULL);
}
