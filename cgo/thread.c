// Thread states: who is attached where.
//
// Invariants
//   - A state is attached only on the OS thread that made it (3.12+ binds it, 3.14 keeps the
//     thread's C stack bounds in it).
//   - py_thread.cur is the state that is attached through us on this thread, or NULL.
//   - The gilstate slot of CPython, a pthread key up to 3.14, holds our state from attach to leave
//     and what it held before afterwards: so PyGILState_Ensure in an extension finds the
//     interpreter that it is called from, and never a state that has been deleted. A thread that
//     was not Python's keeps its state of the main interpreter there for good, its home: that one
//     outlives all use.
//   - in->mu is never held while waiting for a GIL, nor while Python code can run.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "thread.h"
#include "_cgo_export.h"

__thread struct py_thread py_thread;
int py_foreign;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static int lost_fd = -1;

pthread_key_t py_gil_key;
int py_has_gil_key;

// After initialisation exactly one key holds the thread state of the initialising thread.
void py_find_gil_key(void) {
    void *self = py.PyThreadState_Get();
    for (pthread_key_t k = 0; k < PTHREAD_KEYS_MAX; k++) {
        if (pthread_getspecific(k) == self) {
            py_gil_key = k;
            py_has_gil_key = 1;
            return;
        }
    }
}

void *py_slot_swap(void *ts) {
    void *old = py_slot_get();
    py_slot_set(ts);
    return old;
}

void py_lost_pipe(int fd) {
    lost_fd = fd;
}

// Go code cannot run on a dying thread: a pipe tells Go to free the slots of the gate.
static void give_slots_back(struct py_interp *in, int slots) {
    if (!slots)
        return;
    add(&in->lost, slots);
    while (write(lost_fd, "", 1) < 0 && errno == EINTR) {
    }
}

// The OS thread ends. A goroutine that exits while it is locked and attached ends it so.
static void thread_exit(void *arg) {
    (void)arg;
    if (py_thread.cur) {
        py_record_detach(py_thread.cur);
        py.PyEval_SaveThread();
        py_thread.cur = NULL;
    }
    for (struct py_state *st = py_thread.all, *next; st; st = next) {
        struct py_interp *in = get(&st->in);
        int slots = st->slots;
        next = st->thread_next;
        if (add(&st->ends, 1)) { // from here on it belongs to whoever reaps it
            free(st);
        } else if (in) {
            put(&in->pending, 1);
            give_slots_back(in, slots);
        }
    }
    py_thread.all = py_thread.home = NULL;
    py_slot_set(NULL);
}

static void make_exit_key(void) {
    pthread_key_create(&exit_key, thread_exit);
}

struct py_state *py_state_make(struct py_interp *in) {
    pthread_once(&exit_once, make_exit_key);
    struct py_state *st = calloc(1, sizeof *st);
    if (!st || pthread_setspecific(exit_key, &py_thread)) {
        free(st);
        return NULL;
    }
    void *slot = py_slot_get();
    st->ts = py.PyThreadState_New(in->is); // needs no GIL; may put it into the slot
    if (!st->ts) {
        py_slot_set(slot);
        free(st);
        return NULL;
    }
    int home = !slot && in->id == 0;
    py_slot_set(home ? st->ts : slot);
    if (home)
        py_thread.home = st;
    py_state_enlist(in, st);
    return st;
}

// The one that waited for the GIL has it: the next may wait.
void py_pass_baton(struct py_interp *in) {
    uint64_t old = __atomic_fetch_and(&in->gate, ~PY_GATE_BATON, __ATOMIC_ACQ_REL);
    if (old & PY_GATE_QUEUED)
        go_gate_pass(in->handle);
}

#ifdef PYDEBUG
// -tags pydebug: a mistake crashes where it is made.
static void check(struct py_state *st) {
    PyThreadState *ts = py.PyThreadState_Get(); // a fatal error if nothing is attached
    if (ts != st->ts || py_thread.cur != st || !pthread_equal(pthread_self(), (pthread_t)st->ident))
        abort();
}

static void check_attached(struct py_state *st) {
    static int n;
    check(st);
    if (add(&n, 1) % 16 == 0)
        py.PyGC_Collect();
}

static void check_detach(struct py_state *st) {
    check(st);
    if (py.PyErr_Occurred())
        abort();
}
#else
#define check_attached(st)
#define check_detach(st)
#endif

// What there is to do at an attach beyond the common case.
void py_attached(struct py_state *st, struct py_frame *f) {
    struct py_interp *in = st->in;
    if (get(&in->recording) | st->recording)
        py_record_attach(st, f);
    if (get(&in->pending))
        py_state_catch_up(in);
    check_attached(st);
}

void py_before_detach(struct py_state *st) {
    check_detach(st);
    if (st->recording)
        py_record_detach(st);
}

void py_state_attached(struct py_state *st, struct py_frame *f) {
    py_slot_set(st->ts);
    py_thread.cur = st;
    if (f && f->flags & PY_FRAME_BATON)
        py_pass_baton(st->in);
    if (f && f->flags & PY_FRAME_TIMED)
        f->attached = py_now();
    py_attached(st, f);
}

int py_enter(struct py_interp *in, struct py_scope *sc, struct py_frame *f) {
    struct py_state *cur = py_thread.cur, *st = cur && cur->in == in ? cur : py_state_find(in);
    if (!st && !(st = py_state_make(in))) {
        if (f && f->flags & PY_FRAME_BATON)
            py_pass_baton(in);
        return PY_NO_MEMORY;
    }
    sc->st = st;
    sc->prev = cur;
    sc->nested = st == cur;
    sc->key = py_slot_get();
    sc->depth = ++st->inside;
    if (sc->nested) {
        if (f && f->flags & PY_FRAME_BATON)
            py_pass_baton(in);
        sc->exc[0] = NULL;
        if (py_foreign && !py_is_current(st)) {
            st->inside--;
            return PY_NOT_ATTACHED;
        }
        if (py_foreign)
            py_set_aside(sc->exc);
        return PY_OK;
    }
    if (cur) { // never wait for one interpreter while attached to another
        py_before_detach(cur);
        py.PyEval_SaveThread();
    }
    py.PyEval_RestoreThread(st->ts);
    py_state_attached(st, f);
    return PY_OK;
}

void py_state_detach(struct py_state *st) {
    py_before_detach(st);
    py.PyEval_SaveThread();
    py_thread.cur = NULL;
}

void py_leave(struct py_scope *sc) {
    struct py_state *st = sc->st, *prev = sc->prev;
    st->inside--;
    if (sc->nested) {
        py_set_back(sc->exc);
        return;
    }
    py_state_detach(st);
    py_slot_set(sc->key);
    if (prev) {
        py.PyEval_RestoreThread(prev->ts);
        py_state_attached(prev, NULL);
    }
}

int py_inside(struct py_interp *in) {
    struct py_state *st = py_state_find(in);
    return st && st->inside > 0;
}

int py_take_lost(struct py_interp *in) {
    return __atomic_exchange_n(&in->lost, 0, __ATOMIC_ACQ_REL);
}
