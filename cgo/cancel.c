// Cancelling what runs: an exception is set in its thread, from the interpreter it runs in.
//
// The state of a frame changes under the GIL; without one in->mu keeps begin, cancel and end apart.
// Both guard `sent` too. A frame names its thread by a number, which is looked up each time: the
// thread may have died since, as that of a goroutine which exits while it is attached.
#include <string.h>

#include "host.h"

static void lock(struct py_interp *in) {
    if (py_free_threaded())
        pthread_mutex_lock(&in->mu);
}

static void unlock(struct py_interp *in) {
    if (py_free_threaded())
        pthread_mutex_unlock(&in->mu);
}

// From WAITING to RUNNING, unless the caller has given up.
int py_begin(struct py_frame *f) {
    uint32_t waiting = PY_WAITING;
    f->runner = py_thread.cur->number;
    return __atomic_compare_exchange_n(&f->state, &waiting, PY_RUNNING, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE)
               ? PY_OK
               : PY_NEVER_RAN;
}

// After this no exception can be set for the frame, and one that is pending is taken back, so that
// it cannot hit the next call of this thread.
void py_end(struct py_interp *in, struct py_frame *f) {
    lock(in);
    put(&f->state, PY_DONE);
    int sent = f->sent;
    unlock(in);
    if (sent)
        py_settle(in);
}

void py_absorb(struct py_interp *in) {
    if (!in->names.absorb)
        return;
    PyObject *done = py.PyObject_VectorcallDict(in->names.absorb, NULL, 0, NULL);
    if (done)
        py.Py_DecRef(done);
    py.PyErr_Clear();
}

// Not by PyThreadState_SetAsyncExc(ident, NULL): up to 3.12 that leaves the interpreter's eval
// breaker set for good, which slows all code down, and under a profile hook makes 3.11 spin at the
// next call of a function. An exception that is raised resets it.
void py_settle(struct py_interp *in) {
    py.PyThreadState_SetAsyncExc(py_thread.cur->ident, in->names.cancelled);
    py_absorb(in);
}

// While an exception is reported, another one would spoil the report. But str(exception) is code of
// the program, which may never end: so after a second it is fair game.
static int reporting(struct py_state *st) {
    return st->reporting && py_now() - st->reporting < 1000000000;
}

enum { GONE, NOT_NOW, NOW };

// What is wanted of a state. A copy: one that a thread of Python's is lent goes without the GIL.
struct target {
    uint64_t number;
    unsigned long ident;
    PyThreadState *ts;
};

// Under mu. Whether the state is there, and does not report an exception just now.
static int aim(struct py_state *st, struct target *t) {
    if (!st)
        return GONE;
    *t = (struct target){st->number, st->ident, st->ts};
    return reporting(st) ? NOT_NOW : NOW;
}

// The state of t's number, unless its thread has ended.
static int look(struct py_interp *in, struct target *t) {
    pthread_mutex_lock(&in->mu);
    struct py_state *st = in->states;
    while (st && (st->number != t->number || get(&st->ends)))
        st = st->next;
    int found = aim(st, t);
    pthread_mutex_unlock(&in->mu);
    return found;
}

static int ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && !strcmp(s + n - m, end);
}

// Whether an exception may be raised in the thread: not in code that holds the locks of imports and
// of threading, which would stay held. It is raised where the thread is next: so no Python code may
// run between this and PyThreadState_SetAsyncExc, for the GIL could change hands in it. Nor
// sys._current_frames, which makes frame objects of all interpreters in the heap of this one while
// those with a GIL of their own run: they crash when they free them. Nor a collection.
static int interruptible(PyThreadState *ts) {
    // 3.11 makes an object of the frame. On free-threaded builds nothing is collected in C code.
    int collect = !py_free_threaded() && py.PyGC_Disable && py.PyGC_Disable();
    PyObject *frame = py.PyThreadState_GetFrame(ts);
    if (collect)
        py.PyGC_Enable();
    PyObject *code = frame ? py.PyFrame_GetCode(frame) : NULL;
    PyObject *name = code ? py.PyObject_GetAttrString(code, "co_filename") : NULL;
    const char *file = name ? py.PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    int now = !file || (strncmp(file, "<frozen ", 8) && !ends_with(file, "threading.py") &&
                        !ends_with(file, "queue.py"));
    for (int i = 0; i < 3; i++) {
        PyObject *o = i == 0 ? name : i == 1 ? code : frame;
        if (o)
            py.Py_DecRef(o);
    }
    py.PyErr_Clear();
    return now;
}

// A look at the thread of a target, by look or next_inside.
struct glance {
    struct py_interp *in;
    int (*find)(struct py_interp *, struct target *);
    struct target t;
    int found;
};

static void glance(void *arg) {
    struct glance *g = arg;
    g->found = g->find(g->in, &g->t);
    if (g->found == NOW && !interruptible(g->t.ts))
        g->found = NOT_NOW;
}

// On free-threaded builds the thread has run on by the time that the exception is set: it may have
// entered what is not interruptible, which takes it a bytecode boundary at least.
int py_cancel(struct py_interp *in, struct py_frame *f) {
    struct py_scope sc;
    if (py_enter(in, &sc, NULL))
        return PY_NOTHING_TO_CANCEL;
    int running = get(&f->state) == PY_RUNNING; // before runner, which is written first
    struct glance g = {.in = in, .find = look, .t = {.number = f->runner}, .found = GONE};
    if (running)
        py_while_stopped(glance, &g);
    int hit = g.found;
    lock(in);
    if (get(&f->state) != PY_RUNNING)
        running = 0;
    if (running && hit == NOW) {
        f->sent = 1;
        py.PyThreadState_SetAsyncExc(g.t.ident, in->names.cancelled);
    }
    unlock(in);
    py_leave(&sc);
    return !running         ? PY_NOTHING_TO_CANCEL
           : hit == NOW     ? PY_CANCEL_SENT
           : hit == NOT_NOW ? PY_CANCEL_LATER
                            : PY_CANCEL_DEAD;
}

// The newest state before t's number that is inside and not this thread's: they are in the order of
// their numbers.
static int next_inside(struct py_interp *in, struct target *t) {
    pthread_mutex_lock(&in->mu);
    struct py_state *st = in->states;
    while (st && (st->number >= t->number || st == py_thread.cur || get(&st->ends) ||
                  get(&st->inside) <= 0))
        st = st->next;
    int found = aim(st, t);
    pthread_mutex_unlock(&in->mu);
    return found;
}

// The GIL is held all along, or the others are stopped, so that no thread state goes meanwhile.
void py_cancel_all(struct py_interp *in) {
    struct py_scope sc;
    struct glance g = {.in = in, .find = next_inside, .t = {.number = UINT64_MAX}};
    if (py_enter(in, &sc, NULL))
        return;
    while (py_while_stopped(glance, &g), g.found != GONE)
        if (g.found == NOW)
            py.PyThreadState_SetAsyncExc(g.t.ident, in->names.cancelled);
    py_leave(&sc);
}
