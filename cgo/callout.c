// Calls of Go by Python: how the thread stands meanwhile, and how it stood before.
#include <stdlib.h>

#include "thread.h"
#include "_cgo_export.h"

enum { OUT_ENDED, OUT_ATTACHED, OUT_DETACHED };

// What Go calls from here is a call of its own: the frame under way is not that of it.
static void begin_callback(struct py_interp *in, struct py_callback *cb) {
    struct py_state *cur = cb->prev = py_thread.cur;
    cb->st = cur && cur->in == in ? cur : py_state_find(in);
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
        py_state_enlist(in, cb->st);
    }
    if (cb->st)
        cb->inside = cb->st->inside++;
}

// What Go has attached and not left is forgotten.
static void end_callback(struct py_interp *in, struct py_callback *cb) {
    if (cb->st)
        cb->st->inside = cb->inside;
    if (cb->lent) {
        py_state_unlist(in, cb->st);
        free(cb->st);
    }
}

// Calls Go: gives the GIL up until py_block. A thread that Python made is attached, but not through
// us: its state is lent to us meanwhile, so that Go code that calls back is inside, and neither
// waits for a place nor hands the call to another thread. A second state of it would not do:
// exceptions are set by the thread's ident, in the first state that has it.
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
        py_state_detach(py_thread.cur);
    end_callback(in, cb);
    py.PyEval_RestoreThread(cb->ts);
    struct py_state *st = py_thread.cur = cb->prev; // the slot is as it was
    if (!st)
        return;
    st->frame = cb->frame;
    if (PY_CHECKS || get(&in->recording) | st->recording | get(&in->pending))
        py_attached(st, NULL);
}

// The same for C code of others that calls Go: it may have let the GIL go itself, and be on any
// thread. After Close there is nothing to give up, or to come back to.
int py_step_out(struct py_interp *in, struct py_callback *cb) {
    if (get(&in->ended))
        return OUT_ENDED;
    PyThreadState *now = py_current(), *own = py_thread.cur ? py_thread.cur->ts : py_slot_get();
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
        py_state_detach(py_thread.cur);
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
        py_state_detach(py_thread.cur);
    py.PyEval_RestoreThread(cb->ts);
    py_state_attached(cb->st, NULL);
}

void py_take_back(struct py_interp *in, struct py_callback *cb) {
    end_callback(in, cb);
    if ((py_thread.cur = cb->prev))
        cb->prev->frame = cb->frame;
}
