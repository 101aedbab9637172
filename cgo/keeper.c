// The keeper of an interpreter is the thread that has started it, and will end it. Up to 3.12
// threading takes the thread that imports it first for the main one, for whose end the rest of
// Python waits: so that module runs here, whoever imports it. To import it at the start would take
// a fifth of the time that a start takes.
#include <stdlib.h>

#include "thread.h"

struct py_keeper {
    pthread_mutex_t mu; // guards the rest; who waits for it has the GIL at most for a moment
    pthread_cond_t changed;
    enum { IDLE, ASKED, DONE } state;
    int leaving;
    PyObject *job;   // borrowed from who waits
    PyObject *error; // the exception that it has raised
};

int py_keeper_make(struct py_interp *in) {
    struct py_keeper *k = in->keeper = calloc(1, sizeof *k);
    if (!k)
        return 0;
    pthread_mutex_init(&k->mu, NULL);
    pthread_cond_init(&k->changed, NULL);
    k->leaving = py_loaded_version() > 0x030c; // there is nothing to do
    return 1;
}

static PyObject *call(PyObject *fn) {
    PyObject *args[1] = {NULL};
    return py_vectorcall(fn, args + 1, 0, NULL);
}

static PyObject *perform(struct py_interp *in, PyObject *job) {
    py.PyEval_RestoreThread(in->anchor);
    void *slot = py_slot_swap(in->anchor);
    PyObject *result = call(job), *error = result ? NULL : py_take_exception();
    if (result)
        py.Py_DecRef(result);
    py_slot_swap(slot);
    py.PyEval_SaveThread();
    return error;
}

void py_keep(struct py_interp *in) {
    struct py_keeper *k = in->keeper;
    pthread_mutex_lock(&k->mu);
    while (k->state == ASKED || !k->leaving) {
        if (k->state != ASKED) {
            pthread_cond_wait(&k->changed, &k->mu);
            continue;
        }
        pthread_mutex_unlock(&k->mu);
        PyObject *error = perform(in, k->job);
        pthread_mutex_lock(&k->mu);
        k->error = error;
        k->state = DONE;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->mu);
}

void py_keeper_leave(struct py_interp *in) {
    struct py_keeper *k = in->keeper;
    pthread_mutex_lock(&k->mu);
    k->leaving = 1;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->mu);
}

// False: it does something already, or no more.
static int ask(struct py_keeper *k, PyObject *job) {
    pthread_mutex_lock(&k->mu);
    int free = k->state == IDLE && !k->leaving;
    if (free) {
        k->job = job;
        k->state = ASKED;
        pthread_cond_broadcast(&k->changed);
    }
    pthread_mutex_unlock(&k->mu);
    return free;
}

static PyObject *await(struct py_keeper *k) {
    pthread_mutex_lock(&k->mu);
    while (k->state != DONE)
        pthread_cond_wait(&k->changed, &k->mu);
    PyObject *error = k->error;
    k->state = IDLE;
    pthread_mutex_unlock(&k->mu);
    return error;
}

// native.by_keeper(function): has it called by the keeper; by this thread if that is not to be had.
PyObject *py_by_keeper(PyObject *self, PyObject *args) {
    struct py_interp *in = py.PyLong_AsVoidPtr(self);
    PyObject *job = py.PyTuple_GetItem(args, 0);
    struct py_callback cb;
    if (!job)
        return NULL;
    if (!ask(in->keeper, job))
        return call(job);
    py_unblock(in, &cb);
    PyObject *error = await(in->keeper);
    py_block(in, &cb);
    if (!error)
        return py_hold(py._Py_NoneStruct);
    py.PyErr_SetObject(py_type_of(error), error);
    py.Py_DecRef(error);
    return NULL;
}
