// What thread.c, registry.c, callout.c and lease.c share: see the invariants in thread.c.
#ifndef PYHOST_THREAD_H
#define PYHOST_THREAD_H

#include "host.h"

extern pthread_key_t py_gil_key; // the key behind PyGILState_*, if there is one
extern int py_has_gil_key;

struct py_state *py_state_find(struct py_interp *); // of this thread, or NULL
struct py_state *py_state_make(struct py_interp *);
void py_state_enlist(struct py_interp *, struct py_state *);
void py_state_unlist(struct py_interp *, struct py_state *);
void py_state_attached(struct py_state *, struct py_frame *);
void py_state_detach(struct py_state *);
void py_state_catch_up(struct py_interp *);

static inline void *py_slot_get(void) {
    return py_has_gil_key ? pthread_getspecific(py_gil_key) : NULL;
}

static inline void py_slot_set(void *ts) {
    if (py_has_gil_key)
        pthread_setspecific(py_gil_key, ts);
}

// Other code of the C API may detach the thread, or attach another state, and not undo it. Up to
// 3.11 the current state is that of whoever holds the GIL: so not NULL after a detach.
static inline PyThreadState *py_current(void) {
    return py.PyThreadState_GetUnchecked ? py.PyThreadState_GetUnchecked()
                                         : py._PyThreadState_UncheckedGet();
}

static inline int py_is_current(struct py_state *st) {
    return py_current() == st->ts;
}

#endif
