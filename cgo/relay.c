// Calls of Go by threads that Go has not started, where those must not call it: in a program whose
// init functions never return, Go would have them wait for ever. A goroutine waits here for what
// they ask for. Threads that are attached by Go have a state of ours.
#include <stdlib.h>

#include "host.h"
#include "_cgo_export.h"

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER; // guards the rest
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, answered = PTHREAD_COND_INITIALIZER;
static struct py_relayed *first, **last = &first;
static int on;

static void append(struct py_relayed *r) {
    pthread_mutex_lock(&mu);
    *last = r;
    last = &r->next;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&mu);
}

// The caller is detached: it waits.
void py_go_call(uint64_t id, struct py_invoke *inv) {
    if (inv->inside || !get(&on)) {
        go_call(id, inv);
        return;
    }
    struct py_relayed r = {.id = id, .inv = inv, .what = PY_RELAY_CALL};
    append(&r);
    pthread_mutex_lock(&mu);
    while (!r.answered)
        pthread_cond_wait(&answered, &mu);
    pthread_mutex_unlock(&mu);
}

// Nobody waits for these; without memory, what they would free stays.
static int relay(uint64_t id, int what) {
    if (py_thread.cur || !get(&on))
        return 0;
    struct py_relayed *r = calloc(1, sizeof *r);
    if (r) {
        r->id = id;
        r->what = what;
        append(r);
    }
    return 1;
}

void py_go_drop(uint64_t id) {
    if (!relay(id, PY_RELAY_DROP))
        go_drop(id);
}

void py_go_done(uint64_t id) {
    if (!relay(id, PY_RELAY_DONE))
        go_done(id);
}

void py_go_released(uint64_t handle) {
    if (!relay(handle, PY_RELAY_RELEASED))
        go_export_released(handle);
}

struct py_relayed *py_relay_next(void) {
    put(&on, 1);
    pthread_mutex_lock(&mu);
    while (!first)
        pthread_cond_wait(&more, &mu);
    struct py_relayed *r = first;
    if (!(first = r->next))
        last = &first;
    pthread_mutex_unlock(&mu);
    return r;
}

void py_relay_answer(struct py_relayed *r) {
    pthread_mutex_lock(&mu);
    r->answered = 1;
    pthread_cond_broadcast(&answered);
    pthread_mutex_unlock(&mu);
}
