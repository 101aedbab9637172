// The kept thread states of an interpreter, and the references that wait to be given back.
#include <stdlib.h>

#include "thread.h"

static uint64_t numbers; // of states, atomic

struct py_state *py_state_find(struct py_interp *in) {
    for (struct py_state *st = py_thread.all; st; st = st->thread_next) {
        if (st->in == in)
            return st;
    }
    return NULL;
}

// Makes a state known: as the newest of its interpreter, and as one of this thread.
void py_state_enlist(struct py_interp *in, struct py_state *st) {
    st->in = in;
    st->ident = py.PyThread_get_thread_ident();
    st->tid = py_thread_id();
    st->lane = -st->tid;
    pthread_mutex_lock(&in->mu);
    st->number = add(&numbers, 1) + 1; // here: the newest has the highest
    st->next = in->states;
    in->states = st;
    in->nstates++;
    pthread_mutex_unlock(&in->mu);
    st->thread_next = py_thread.all;
    py_thread.all = st;
}

void py_state_unlist(struct py_interp *in, struct py_state *st) {
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

// PyThreadState_Delete of another thread's state empties the slot of the caller, where it takes that
// state to be: a debug build looks.
static void delete_state(PyThreadState *ts) {
    void *slot = py_slot_get();
    py.PyThreadState_Clear(ts);
    py_slot_set(ts);
    py.PyThreadState_Delete(ts);
    py_slot_set(slot);
}

// What waited for somebody to attach. Python code may run here (destructors).
void py_state_catch_up(struct py_interp *in) {
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
        py_state_catch_up(in);
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

struct census {
    struct py_interp *in;
    PyThreadState *own;
    int strangers;
};

static void count_strangers(void *arg) {
    struct census *c = arg;
    for (PyThreadState *ts = py.PyInterpreterState_ThreadHead(c->in->is); ts;
         ts = py.PyThreadState_Next(ts))
        c->strangers += ts != c->own && !is_ours(c->in, ts);
}

int py_close_states(struct py_interp *in, PyThreadState *own) {
    struct census c = {in, own, 0};
    struct py_state *st;
    py_state_catch_up(in);
    py_while_stopped(count_strangers, &c);
    if (c.strangers)
        return c.strangers;
    while ((st = take_first(in))) {
        delete_state(st->ts);
        put(&st->in, (struct py_interp *)NULL);
        if (add(&st->ends, 1))
            free(st);
    }
    return 0;
}
