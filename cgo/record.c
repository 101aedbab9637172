// Who held the GIL when. Off: one load at each attach. On: each attach and detach is noted, and a
// profile hook sees the thread at every call and return inside Python, which proves that it holds
// the GIL then. Only changes of holder are kept.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define LONG_C_CALL 20000 // ns: shorter calls of C functions are not kept

struct py_record {
    pthread_mutex_t mu; // guards everything below
    struct py_event *events;
    size_t n, cap, most;
    int64_t dropped;
    char **names;
    int nnames;
    // Who was seen last, as it was then: its state may be gone. thread 0: nobody.
    struct py_event holder;
};

int64_t py_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct py_record *lock(struct py_interp *in) {
    struct py_record *r = in->record;
    pthread_mutex_lock(&r->mu);
    return r;
}

static void append(struct py_record *r, struct py_event e) {
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 4096;
        cap = cap > r->most ? r->most : cap;
        void *p = cap > r->n ? realloc(r->events, cap * sizeof *r->events) : NULL;
        if (!p) {
            r->dropped++;
            return;
        }
        r->events = p;
        r->cap = cap;
    }
    r->events[r->n++] = e;
}

static void emit(struct py_record *r, int kind, struct py_state *st, int64_t t, int name) {
    append(r, (struct py_event){t, st->lane, (int16_t)kind, (int16_t)name, st->tid});
}

// This thread holds the GIL now.
static void seen(struct py_record *r, struct py_state *st, int64_t now, int kind) {
    struct py_event *h = &r->holder;
    int same = h->thread && h->lane == st->lane;
    if (!same && h->thread && !py_free_threaded()) {
        h->kind = PY_EV_LOST;
        append(r, *h);
    }
    if (kind != PY_EV_HOLD || (!same && !py_free_threaded()))
        emit(r, kind, st, now, -1);
    *h = (struct py_event){now, st->lane, 0, -1, st->tid};
}

static int name_index(struct py_record *r, const char *s) {
    for (int i = 0; i < r->nnames; i++) {
        if (!strcmp(r->names[i], s))
            return i;
    }
    char **p =
        r->nnames < INT16_MAX ? realloc(r->names, ((size_t)r->nnames + 1) * sizeof *p) : NULL;
    if (!p)
        return -1;
    r->names = p;
    p[r->nnames] = strdup(s);
    return p[r->nnames] ? r->nnames++ : -1;
}

// "zlib.compress", "time.sleep", "str.join"
static void name_of(PyObject *fn, char *out, size_t cap) {
    static const char *const parts[] = {"__module__", "__qualname__"};
    out[0] = 0;
    for (int i = 0; i < 2; i++) {
        PyObject *o = py.PyObject_GetAttrString(fn, parts[i]);
        int is_str = o && py.PyType_GetFlags(py_type_of(o)) & Py_TPFLAGS_STR;
        const char *s = is_str ? py.PyUnicode_AsUTF8AndSize(o, NULL) : NULL;
        if (s && strcmp(s, "builtins")) {
            strncat(out, s, cap - strlen(out) - 1);
            if (i == 0)
                strncat(out, ".", cap - strlen(out) - 1);
        }
        if (o)
            py.Py_DecRef(o);
        py.PyErr_Clear();
    }
}

static void long_call(struct py_state *st, int64_t start, int64_t now, PyObject *fn) {
    char name[64];
    PyObject *t, *v, *tb;
    py.PyErr_Fetch(&t, &v, &tb); // after a C function that raised
    name_of(fn, name, sizeof name);
    py.PyErr_Restore(t, v, tb);
    struct py_record *r = lock(st->in);
    int i = name_index(r, name);
    emit(r, PY_EV_ENTER_C, st, start, i);
    emit(r, PY_EV_LEAVE_C, st, now, i);
    pthread_mutex_unlock(&r->mu);
}

static void c_call(struct py_state *st, int what, int64_t now, PyObject *fn) {
    if (what == PyTrace_C_CALL) {
        if (st->c_depth < PY_C_DEPTH)
            st->c_start[st->c_depth] = now;
        st->c_depth++;
        return;
    }
    if (st->c_depth > 0 && --st->c_depth < PY_C_DEPTH &&
        now - st->c_start[st->c_depth] >= LONG_C_CALL)
        long_call(st, st->c_start[st->c_depth], now, fn);
}

static int profile(PyObject *obj, PyObject *frame, int what, PyObject *arg) {
    (void)obj;
    (void)frame;
    struct py_state *st = py_thread.cur;
    if (!st || !st->recording || st->recording != get(&st->in->recording))
        return 0;
    int64_t now = py_now();
    if (what == PyTrace_C_CALL || what == PyTrace_C_EXCEPTION || what == PyTrace_C_RETURN)
        c_call(st, what, now, arg);
    struct py_record *r = lock(st->in);
    seen(r, st, now, PY_EV_HOLD);
    pthread_mutex_unlock(&r->mu);
    return 0;
}

// The hook belongs to a thread state and stays with it: set at its first attach of a recording,
// taken away at its first attach after.
static int follow(struct py_state *st) {
    int now = get(&st->in->recording);
    if (st->recording == now)
        return now;
    py.PyEval_SetProfile(now ? profile : NULL, NULL);
    st->recording = now;
    st->c_depth = 0;
    st->lane = -st->tid; // that of another recording means nothing
    return now;
}

void py_record_attach(struct py_state *st, struct py_frame *f) {
    if (!follow(st))
        return;
    if (f)
        st->lane = f->lane;
    if (f && f->lane == -1)
        st->lane = -st->tid;
    struct py_record *r = lock(st->in);
    if (f && f->wait_from)
        emit(r, PY_EV_WAIT, st, f->wait_from, -1);
    seen(r, st, py_now(), PY_EV_ATTACH);
    pthread_mutex_unlock(&r->mu);
}

void py_record_detach(struct py_state *st) {
    if (!st->recording || st->recording != get(&st->in->recording))
        return;
    struct py_record *r = lock(st->in);
    emit(r, PY_EV_DETACH, st, py_now(), -1);
    if (r->holder.lane == st->lane)
        r->holder.thread = 0;
    pthread_mutex_unlock(&r->mu);
}

int py_record_start(struct py_interp *in, size_t most) {
    static int number;
    if (!in->record) {
        if (!(in->record = calloc(1, sizeof *in->record)))
            return -1;
        pthread_mutex_init(&in->record->mu, NULL);
    }
    struct py_record *r = lock(in);
    r->most = most;
    r->holder.thread = 0;
    put(&in->recording, add(&number, 1) + 1);
    pthread_mutex_unlock(&r->mu);
    return 0;
}

size_t py_record_stop(struct py_interp *in, struct py_event **events, char ***names, int *nnames,
                      int64_t *dropped) {
    struct py_record *r = lock(in);
    put(&in->recording, 0);
    size_t n = r->n;
    *events = r->events;
    *names = r->names;
    *nnames = r->nnames;
    *dropped = r->dropped;
    r->events = NULL;
    r->names = NULL;
    r->n = r->cap = 0;
    r->nnames = 0;
    r->dropped = 0;
    pthread_mutex_unlock(&r->mu);
    return n;
}
