// Thread states: who is attached where.
//
// Invariants
//   - A state is attached only on the OS thread that made it (3.12+ binds it, 3.14 keeps the
//     thread's C stack bounds in it).
//   - py_thread.cur is the state that is attached through us on this thread, or NULL.
//   - The gilstate slot of CPython, a pthread key up to 3.14, holds our state from attach to leave and
//     what it held before afterwards: so PyGILState_Ensure in an extension finds the interpreter
//     it is called from, and never a state that has been deleted. A thread that was not Python's
//     keeps its state of the main interpreter there for good, its home: that one outlives all use.
//   - in->mu is never held while waiting for a GIL, nor while Python code can run.
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "_cgo_export.h"

__thread struct py_thread py_thread;
int py_foreign;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static int lost_fd = -1;

static pthread_key_t gil_key; // the key behind PyGILState_*
static int has_gil_key;

// After initialisation exactly one key holds the thread state of the initialising thread.
void py_find_gil_key(void) {
    void *self = py.PyThreadState_Get();
    for (pthread_key_t k = 0; k < 1024; k++) {
        if (pthread_getspecific(k) == self) {
            gil_key = k;
            has_gil_key = 1;
            return;
        }
    }
}

static void *slot_get(void) {
    return has_gil_key ? pthread_getspecific(gil_key) : NULL;
}

static void slot_set(void *ts) {
    if (has_gil_key)
        pthread_setspecific(gil_key, ts);
}

void *py_slot_swap(void *ts) {
    void *old = slot_get();
    slot_set(ts);
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
    slot_set(NULL);
}

static void make_exit_key(void) {
    pthread_key_create(&exit_key, thread_exit);
}

static struct py_state *find(struct py_interp *in) {
    for (struct py_state *st = py_thread.all; st; st = st->thread_next) {
        if (st->in == in)
            return st;
    }
    return NULL;
}

static uint64_t numbers; // of states, atomic

// Makes a state known: as the newest of its interpreter, and as one of this thread.
static void enlist(struct py_interp *in, struct py_state *st) {
    st->in = in;
    st->ident = py.PyThread_get_thread_ident();
    st->tid = (int)syscall(SYS_gettid);
    st->lane = -st->tid;
    st->number = add(&numbers, 1) + 1;
    pthread_mutex_lock(&in->mu);
    st->next = in->states;
    in->states = st;
    in->nstates++;
    pthread_mutex_unlock(&in->mu);
    st->thread_next = py_thread.all;
    py_thread.all = st;
}

static void unlist(struct py_interp *in, struct py_state *st) {
    struct py_state **p;
    pthread_mutex_lock(&in->mu);
    for (p = &in->states; *p != st; p = &(*p)->next) {
    }
    *p = st->next;
    in->nstates--;
    pthread_mutex_unlock(&in->mu);
    for (p = &py_thread.all; *p != st; p = &(*p)->thread_next) {
    }
    *p = st->thread_next;
}

static struct py_state *make(struct py_interp *in) {
    struct py_state *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    pthread_once(&exit_once, make_exit_key);
    void *slot = slot_get();
    st->ts = py.PyThreadState_New(in->is); // needs no GIL; may put it into the slot
    if (!st->ts || pthread_setspecific(exit_key, &py_thread)) {
        slot_set(slot);
        free(st);
        return NULL;
    }
    int home = !slot && in->id == 0;
    slot_set(home ? st->ts : slot);
    if (home)
        py_thread.home = st;
    enlist(in, st);
    return st;
}

// Takes one dead state out of the list, or NULL.
static struct py_state *take_dead(struct py_interp *in) {
    struct py_state *st = NULL;
    pthread_mutex_lock(&in->mu);
    for (struct py_state **p = &in->states; *p; p = &(*p)->next) {
        if (get(&(*p)->ends)) {
            st = *p;
            *p = st->next;
            in->nstates--;
            break;
        }
    }
    pthread_mutex_unlock(&in->mu);
    return st;
}

// PyThreadState_Delete of another thread's state empties the slot of the caller: put it back.
static void delete_state(PyThreadState *ts) {
    void *slot = slot_get();
    py.PyThreadState_Clear(ts);
    py.PyThreadState_Delete(ts);
    slot_set(slot);
}

// What waited for somebody to attach. Python code may run here (destructors).
static void catch_up(struct py_interp *in) {
    struct py_state *st;
    put(&in->pending, 0);
    int reaped = 0;
    while ((st = take_dead(in))) {
        delete_state(st->ts);
        free(st);
        reaped = 1;
    }
    if (reaped && py_thread.cur)
        py_settle(in); // an exception may have been pending for it
    pthread_mutex_lock(&in->mu);
    PyObject **objs = in->decrefs;
    size_t n = in->ndecrefs;
    in->decrefs = NULL;
    in->ndecrefs = in->capdecrefs = 0;
    pthread_mutex_unlock(&in->mu);
    for (size_t i = 0; i < n; i++)
        py.Py_DecRef(objs[i]);
    free(objs);
    py_views_give_back(in);
}

void py_catch_up(struct py_interp *in) {
    if (get(&in->pending))
        catch_up(in);
}

void py_decref_later(struct py_interp *in, uint64_t obj) {
    pthread_mutex_lock(&in->mu);
    if (in->ndecrefs == in->capdecrefs) {
        size_t cap = in->capdecrefs ? 2 * in->capdecrefs : 64;
        PyObject **p = realloc(in->decrefs, cap * sizeof *p);
        if (!p) { // leaked, rather than lost to a crash
            pthread_mutex_unlock(&in->mu);
            return;
        }
        in->decrefs = p;
        in->capdecrefs = cap;
    }
    in->decrefs[in->ndecrefs++] = (PyObject *)obj;
    pthread_mutex_unlock(&in->mu);
    put(&in->pending, 1);
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
    if (ts != st->ts || py_thread.cur != st || pthread_equal(pthread_self(), st->ident) == 0)
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
        catch_up(in);
    check_attached(st);
}

void py_before_detach(struct py_state *st) {
    check_detach(st);
    if (st->recording)
        py_record_detach(st);
}

static void attached(struct py_state *st, struct py_frame *f) {
    slot_set(st->ts);
    py_thread.cur = st;
    if (f && f->flags & PY_FRAME_BATON)
        py_pass_baton(st->in);
    if (f && f->flags & PY_FRAME_TIMED)
        f->attached = py_now();
    py_attached(st, f);
}

// Other code of the C API may detach the thread, or attach another state, and not undo it. Up to
// 3.11 the current state is that of whoever holds the GIL: so not NULL after a detach.
static PyThreadState *current(void) {
    return py.PyThreadState_GetUnchecked ? py.PyThreadState_GetUnchecked()
                                         : py._PyThreadState_UncheckedGet();
}

static int is_current(struct py_state *st) {
    return current() == st->ts;
}

static int is_mine(PyThreadState *ts) {
    struct py_state *st;
    for (st = py_thread.all; st && st->ts != ts; st = st->thread_next) {
    }
    return st != NULL;
}

int py_enter(struct py_interp *in, struct py_scope *sc, struct py_frame *f) {
    struct py_state *cur = py_thread.cur, *st = cur && cur->in == in ? cur : find(in);
    if (!st && !(st = make(in))) {
        if (f && f->flags & PY_FRAME_BATON)
            py_pass_baton(in);
        return PY_NO_MEMORY;
    }
    sc->st = st;
    sc->prev = cur;
    sc->nested = st == cur;
    sc->key = slot_get();
    sc->depth = ++st->inside;
    if (sc->nested) {
        if (f && f->flags & PY_FRAME_BATON)
            py_pass_baton(in);
        sc->exc[0] = NULL;
        if (py_foreign && !is_current(st)) {
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
    attached(st, f);
    return PY_OK;
}

static inline void detach(struct py_state *st) {
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
    detach(st);
    slot_set(sc->key);
    if (prev) {
        py.PyEval_RestoreThread(prev->ts);
        attached(prev, NULL);
    }
}

int py_inside(struct py_interp *in) {
    struct py_state *st = find(in);
    return st && st->inside > 0;
}

// What Go calls from here is a call of its own: the frame under way is not that of it.
static void begin_callback(struct py_interp *in, struct py_callback *cb) {
    struct py_state *cur = cb->prev = py_thread.cur;
    cb->st = cur && cur->in == in ? cur : find(in);
    cb->frame = cur ? cur->frame : NULL;
    if (cur)
        cur->frame = NULL;
}

// cb->ts is that of a thread of Python's, if this one has no state of ours.
static void lend_state(struct py_interp *in, struct py_callback *cb) {
    cb->lent = !cb->st && (cb->st = calloc(1, sizeof *cb->st));
    if (cb->lent) {
        cb->st->ts = cb->ts;
        cb->st->lent = 1;
        enlist(in, cb->st);
    }
    if (cb->st)
        cb->inside = cb->st->inside++;
}

// What Go has attached and not left is forgotten.
static void end_callback(struct py_interp *in, struct py_callback *cb) {
    if (cb->st)
        cb->st->inside = cb->inside;
    if (cb->lent) {
        unlist(in, cb->st);
        free(cb->st);
    }
}

// Calls Go: gives the GIL up until py_block. A thread that Python made is attached, but not through
// us: its state is lent to us meanwhile, so that Go code that calls back is inside, and neither waits
// for a place nor hands the call to another thread. A second state of it would not do: exceptions are
// set by the thread's ident, in the first state that has it.
void py_unblock(struct py_interp *in, struct py_callback *cb) {
    begin_callback(in, cb);
    if (cb->prev)
        py_record_detach(cb->prev);
    cb->ts = py.PyEval_SaveThread();
    py_thread.cur = NULL;
    lend_state(in, cb);
}

void py_block(struct py_interp *in, struct py_callback *cb) {
    if (py_thread.cur)
        detach(py_thread.cur);
    end_callback(in, cb);
    py.PyEval_RestoreThread(cb->ts);
    struct py_state *st = py_thread.cur = cb->prev; // the slot is as it was
    if (!st)
        return;
    st->frame = cb->frame;
    if (PY_CHECKS || get(&in->recording) | st->recording | get(&in->pending))
        py_attached(st, NULL);
}

enum { OUT_ENDED, OUT_ATTACHED, OUT_DETACHED };

// The same for C code of others that calls Go: it may have let the GIL go itself, and be on any
// thread. After Close there is nothing to give up, or to come back to.
int py_step_out(struct py_interp *in, struct py_callback *cb) {
    if (get(&in->ended))
        return OUT_ENDED;
    PyThreadState *now = current(), *own = py_thread.cur ? py_thread.cur->ts : slot_get();
    if (own && now == own) {
        py_unblock(in, cb);
        return OUT_ATTACHED;
    }
    begin_callback(in, cb);
    cb->ts = own;
    cb->lent = 0;
    py_thread.cur = NULL;
    if (cb->st || (own && py.PyThreadState_GetInterpreter(own) == in->is))
        lend_state(in, cb);
    return OUT_DETACHED;
}

void py_step_in(struct py_interp *in, struct py_callback *cb, int out) {
    if (out == OUT_ATTACHED)
        py_block(in, cb);
    if (out != OUT_DETACHED)
        return;
    if (py_thread.cur)
        detach(py_thread.cur);
    end_callback(in, cb);
    if ((py_thread.cur = cb->prev))
        cb->prev->frame = cb->frame;
}

void py_lend(struct py_interp *in, struct py_callback *cb) {
    begin_callback(in, cb);
    cb->ts = cb->prev ? cb->prev->ts : py.PyThreadState_Get();
    lend_state(in, cb);
    py_thread.cur = cb->st;
}

void py_stand_again(struct py_callback *cb) {
    if (py_thread.cur == cb->st)
        return;
    if (py_thread.cur)
        detach(py_thread.cur);
    py.PyEval_RestoreThread(cb->ts);
    attached(cb->st, NULL);
}

void py_take_back(struct py_interp *in, struct py_callback *cb) {
    end_callback(in, cb);
    if ((py_thread.cur = cb->prev))
        cb->prev->frame = cb->frame;
}

_Static_assert(sizeof(struct py_scope) <= sizeof(((struct py_frame *)0)->scope), "scope fits");

static struct py_scope *scope_of(struct py_frame *f) {
    return (struct py_scope *)f->scope;
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
    return st && st == scope_of(f)->st && (!py_foreign || is_current(st));
}

int py_realign(struct py_frame *f) {
    struct py_state *st = py_thread.cur;
    if (!st || st != scope_of(f)->st)
        return -1;
    if (is_current(st))
        return 0;
    PyThreadState *now = current();
    if (now && (py_loaded_version() >= 0x030c || is_mine(now)))
        py.PyThreadState_Swap(st->ts);
    else
        py.PyEval_RestoreThread(st->ts);
    slot_set(st->ts);
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
    detach(py_thread.cur);
    return PY_OK;
}

int py_resume(struct py_interp *in) {
    struct py_state *st = find(in);
    if (!st || py_thread.cur)
        return PY_NOT_ATTACHED;
    py.PyEval_RestoreThread(st->ts);
    attached(st, NULL);
    return PY_OK;
}

// Never wait for one interpreter while attached to another: the one that is waited for may need it.
struct py_state *py_park(struct py_interp *in) {
    struct py_state *st = py_thread.cur;
    if (!st || st->in == in)
        return NULL;
    detach(st);
    return st;
}

void py_unpark(struct py_state *st) {
    py.PyEval_RestoreThread(st->ts);
    attached(st, NULL);
}

int py_on_main_thread(void) {
    return getpid() == (pid_t)syscall(SYS_gettid);
}

int py_take_lost(struct py_interp *in) {
    return __atomic_exchange_n(&in->lost, 0, __ATOMIC_ACQ_REL);
}

int py_state_count(struct py_interp *in) {
    pthread_mutex_lock(&in->mu);
    int n = in->nstates;
    pthread_mutex_unlock(&in->mu);
    return n;
}

static int is_ours(struct py_interp *in, PyThreadState *ts) {
    struct py_state *st;
    pthread_mutex_lock(&in->mu);
    for (st = in->states; st && (st->ts != ts || st->lent); st = st->next) {
    }
    pthread_mutex_unlock(&in->mu);
    return st != NULL;
}

static struct py_state *take_first(struct py_interp *in) {
    pthread_mutex_lock(&in->mu);
    struct py_state *st = in->states;
    if (st) {
        in->states = st->next;
        in->nstates--;
    }
    pthread_mutex_unlock(&in->mu);
    return st;
}

int py_close_states(struct py_interp *in, PyThreadState *own) {
    int strangers = 0;
    struct py_state *st;
    catch_up(in);
    for (PyThreadState *ts = py.PyInterpreterState_ThreadHead(in->is); ts;
         ts = py.PyThreadState_Next(ts))
        strangers += ts != own && !is_ours(in, ts);
    if (strangers)
        return strangers;
    while ((st = take_first(in))) {
        delete_state(st->ts);
        put(&st->in, (struct py_interp *)NULL);
        if (add(&st->ends, 1))
            free(st);
    }
    return 0;
}
