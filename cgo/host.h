// The whole C surface of the library: what Go calls (py_*) and what calls Go (go_*). Here are the
// interpreters and their threads; values.h, calls.h and goobject.h have the rest.
//
// Words used here:
//   attached   this OS thread holds the GIL of an interpreter through one of our thread states
//   state      a thread state we made and keep: one per (OS thread, interpreter)
//   frame      one operation under way: where its result goes, and how it is cancelled
#ifndef PYHOST_HOST_H
#define PYHOST_HOST_H

#include <pthread.h>
#include <stdint.h>

#include "python.h"

#define get(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define put(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define add(p, v) __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL)

#ifdef PYDEBUG
#define PY_CHECKS 1
#else
#define PY_CHECKS 0
#endif

// The gate word, shared with Go (pyhost/gate.go holds the rules).
#define PY_GATE_BATON (1ULL << 16)
#define PY_GATE_QUEUED (1ULL << 17)

struct py_names {
    PyObject *main_dict, *builtins, *sys_modules, *code, *builtins_key;
    PyObject *own;                        // globals of bootstrap.py
    PyObject *cancelled;                  // the exception class raised in a cancelled call
    PyObject *report;                     // bootstrap.report(exception) -> a flat tuple
    PyObject *make, *plain, *classify;    // the same of values.py
    PyObject *raise_go, *signature;       // the same of callbacks.py
    PyObject *function_type, *value_type; // func.c; made at first use
    PyObject *buffer;                     // the type of buffer.c; the same
    PyObject *absorb;                     // bootstrap.absorb()
};

// One interpreter. Never freed, so that a late look at it is always safe.
struct py_interp {
    // Atomic, see get/put below.
    uint64_t gate;     // see pyhost/gate.go
    int32_t pending;   // something waits for the next attach: a dead state or a decref
    int32_t recording; // number of the recording under way; 0: none
    int32_t lost;      // slots of threads that died while inside; Go gives them back
    int32_t ended;     // Close has come to its end: Go is called no more
    int32_t away;      // threads that hold a place of the gate and run a Go function, detached
    int32_t arrays;    // and streams of Arrow, of Python's, that Go holds: see capsule.c

    int64_t used, memory_limit; // atomic; see memory.c
    struct py_interp *next_known;
    uint64_t handle; // what go_* functions are given to find the Go side
    PyInterpreterState *is;
    PyThreadState *anchor; // the one it was made with, on the thread that will end it: its keeper
    struct py_keeper *keeper;
    struct py_interp *main; // NULL: it is the main interpreter
    int64_t id;
    pthread_mutex_t mu;      // guards the fields below; never held while waiting for a GIL
    struct py_state *states; // every kept state, linked by next, the newest first
    int nstates;
    PyObject **decrefs; // references to give back
    size_t ndecrefs, capdecrefs;
    struct py_view *unviewed;      // views to give back, linked by next
    int64_t views;                 // that Go holds; atomic
    struct py_exporter *exporters; // linked by next
    struct py_names names;         // written at start, read while attached
    struct py_shape *shapes;       // all of them, linked by next
    struct py_shape **classes;     // of registered classes, by number; read while attached
    uint64_t nclasses;
    struct py_kind_of *kinds; // what classes were last found to be; while attached
    struct py_record *record;
};

#define PY_C_DEPTH 16

// A kept thread state. Made by its OS thread and attached only there. Freed by that thread, after
// `in` was cleared (its interpreter is closing) or by whoever reaps it once the thread has died.
// One that is lent is freed by its thread alone, without the GIL.
struct py_state {
    PyThreadState *ts;
    uint64_t number;              // told to frames: a pointer could be that of another by then
    unsigned long ident;          // of its OS thread, for PyThreadState_SetAsyncExc
    int tid;                      // the same for people
    struct py_interp *in;         // NULL: the interpreter has gone
    struct py_state *next;        // in->states; guarded by in->mu
    struct py_state *thread_next; // this thread's other states; touched by its thread only
    int ends;                     // atomic: its thread has exited, its interpreter has let it go:
                                  // whoever comes second frees it
    int64_t reporting;            // since when it reports an exception (py_now), 0: it does not
    int inside;                   // scopes open on this thread
    int lent;                     // ts is that of a thread of Python's, which has called Go
    struct py_frame *frame;       // the call under way, for Go functions that it calls, or NULL
    int slots;                    // slots of the gate that its attachments hold
    int recording, lane;          // the recording its profile hook belongs to, and its lane there
    int c_depth;                  // C functions under way, and when they were entered (recording)
    int64_t c_start[PY_C_DEPTH];
};

// How the thread stood before it called Go; filled by py_unblock, undone by py_block.
struct py_callback {
    struct py_state *st, *prev;
    PyThreadState *ts;
    struct py_frame *frame; // of prev
    int inside;             // of st
    int lent;               // st is one of ours for this time only
};

// How the thread stood before an attach; filled by py_enter, undone by py_leave, LIFO.
struct py_scope {
    struct py_state *st, *prev;
    void *key;        // what the gilstate slot held
    int nested;       // it was attached already: nothing to give back
    int depth;        // of the scopes open on this thread: the last must be left first
    PyObject *exc[3]; // if nested: see py_set_aside
};

enum {
    PY_FRAME_BATON = 1,
    PY_FRAME_CANCELLABLE = 2,
    PY_FRAME_TIMED = 4,
    PY_FRAME_SLOT = 8,
    PY_FRAME_DROP = 16 /* the result is not wanted */,
    PY_FRAME_KEEP = 32 /* the result is wanted as an object */
};

// state of a frame. WAITING -> RUNNING under the GIL by the thread that runs it; WAITING ->
// CANCELLED by whoever gives up first; RUNNING -> DONE under the GIL, and
// in->mu where there is none.
enum { PY_WAITING, PY_RUNNING, PY_CANCELLED, PY_DONE };

// The outcome of an operation.
enum {
    PY_OK,           // out holds the encoded result, or obj the object
    PY_RAISED,       // out holds the encoded exception
    PY_NEVER_RAN,    // cancelled before it began
    PY_NOT_ATTACHED, // an operation of a Thread on another OS thread, or after its release
    PY_NOT_LAST,     // a Thread is to be released, but not one that was attached inside it
    PY_NO_MEMORY,    // C memory ran out
};

#define PY_FRAME_BUF 512

// Lives in Go memory that holds no pointers to Go; C keeps it for one crossing only.
struct py_frame {
    uint32_t state; // atomic
    uint32_t flags;
    uint64_t runner;                   // the number of the state that runs it
    uint32_t status;                   // of py_run
    uint32_t sent;                     // an asynchronous exception was set; guarded like state
    int32_t lane;                      // lane of the recording, -1: none
    int64_t wait_from, attached, left; // CLOCK_MONOTONIC ns, when TIMED
    uint64_t obj;                      // object handed over (a strong reference), 0: none
    uint64_t code;                     // code object that was compiled, handed over too, 0: none
    uint64_t out;                      // for py_free_out, 0: the result fits into buf
    uint64_t len;                      // length of the result
    uint64_t shape;                    // struct py_shape of the target, or 0
    uint64_t far, nfar;                // C memory of struct py_far, to be freed
    uint64_t scope[7];                 // the struct py_scope of a Thread, while it is attached
    uint8_t buf[PY_FRAME_BUF];
};

// load.c
int py_load(const char *path, char *err, size_t cap); // 0, or -1 and a reason
int py_loaded_version(void);                          // 0x030e for 3.14
const char *py_version_text(void);
int py_free_threaded(void);
int py_immortal_code(void);
int py_linked(char *path, size_t cap); // does the process hold a libpython already?
int py_calibrate(void);

// init.c
struct py_start {
    const char *program, *home;
    int use_environment, user_site;
};
struct py_interp *py_start(const struct py_start *, uint64_t handle, char *err, size_t cap);
int py_start_may_exit(void);
int py_bootstrap(struct py_interp *, const char *source, struct py_frame *);
// On the thread of py_start, when nobody is inside and nobody will be: deletes the states we keep
// and finalises. Or does nothing and returns the number of states that are not ours, after it has
// waited for them for `limit` ns.
int py_finish(struct py_interp *, int64_t limit);

struct py_interp *py_new_interp(PyThreadState *, uint64_t handle); // while attached; or NULL
int py_keeper_make(struct py_interp *);                            // 0: no memory
void py_keep(struct py_interp *);         // on its keeper: does what by_keeper asks, until
void py_keeper_leave(struct py_interp *); // the interpreter is to be ended
PyObject *py_by_keeper(PyObject *self, PyObject *args);
void py_drop_names(struct py_interp *);
int py_strangers(struct py_interp *, int64_t limit); // states that are not ours, after the limit

// sub.c
int py_own_gil(void); // can sub-interpreters have a GIL of their own?
struct py_interp *py_sub_start(struct py_interp *main, const PyInterpreterConfig *, uint64_t handle,
                               char *err, size_t cap);
PyThreadState *py_create(const PyInterpreterConfig *, char *err, size_t cap);
int py_sub_end(struct py_interp *, int64_t limit);

// thread.c
void *py_slot_swap(void *ts); // what the gilstate slot of this thread held
int py_enter(struct py_interp *, struct py_scope *, struct py_frame *);
void py_leave(struct py_scope *);
void py_attached(struct py_state *, struct py_frame *);
void py_before_detach(struct py_state *);
extern __thread struct py_thread {
    struct py_state *cur;  // the state attached on this thread through us, or NULL
    struct py_state *all;  // its states of all interpreters, linked by thread_next
    struct py_state *home; // the one that rests in the gilstate slot, or NULL
} py_thread __attribute__((tls_model("initial-exec")));

// py_enter without a scope, for a thread that is attached nowhere and has been here before, and
// nowhere else: a state of another interpreter may be paused, and in the gilstate slot. NULL: it is
// not so simple.
static inline struct py_state *py_hop_on(struct py_interp *in) {
    struct py_state *st = py_thread.home;
    if (py_thread.cur || !st || st->in != in || py_thread.all != st || st->thread_next)
        return NULL;
    st->inside++;
    py.PyEval_RestoreThread(st->ts);
    py_thread.cur = st;
    if (PY_CHECKS || get(&in->recording) | st->recording | get(&in->pending))
        py_attached(st, NULL);
    return st;
}

static inline void py_hop_off(struct py_state *st) {
    st->inside--;
    if (PY_CHECKS || st->recording)
        py_before_detach(st);
    py.PyEval_SaveThread();
    py_thread.cur = NULL;
}

int py_inside(struct py_interp *); // does this thread stand inside: in a Do, a lease, a callback?
void py_unblock(struct py_interp *, struct py_callback *);
void py_block(struct py_interp *, struct py_callback *);
void py_lend(struct py_interp *, struct py_callback *); // the same, but the thread stays attached
void py_stand_again(struct py_callback *); // attached as before, whatever Go has left open
void py_take_back(struct py_interp *, struct py_callback *);
int py_step_out(struct py_interp *, struct py_callback *); // for py_step_in
void py_step_in(struct py_interp *, struct py_callback *, int out);
void py_decref_later(struct py_interp *, uint64_t obj);
void py_catch_up(struct py_interp *);         // while attached: what waits for the next attach
void py_lost_pipe(int fd);                    // written to when a thread dies inside
struct py_state *py_park(struct py_interp *); // detaches from any other one; NULL: there is none
void py_unpark(struct py_state *);
int py_take_lost(struct py_interp *);
int py_state_count(struct py_interp *);
extern size_t py_type_offset, py_object_size;     // in words, in bytes; see py_calibrate
static inline PyObject *py_type_of(PyObject *o) { // borrowed
    return ((PyObject **)o)[py_type_offset];
}
static inline PyObject *py_hold(PyObject *o) { // a reference more, to NULL too
    if (o)
        py.Py_IncRef(o);
    return o;
}
void py_find_gil_key(void);
int py_close_states(struct py_interp *, PyThreadState *own); // 0, or states that are not ours

// A Thread of Go: attach until py_detach. The goroutine is locked to its OS thread.
int py_attach(struct py_interp *, struct py_frame *);
int py_detach(struct py_interp *, struct py_frame *, const uint64_t *objs, size_t n);
int py_holds(struct py_frame *); // is this thread attached by it?
// Other packages use the C API on threads that we have attached: what they leave is looked for.
extern int py_foreign;
// Attaches the thread again if other code of the C API has left it detached: 1 then, 0 if there was
// nothing to do, -1 if the frame's Thread is not that of this OS thread.
int py_realign(struct py_frame *);
int py_pause(struct py_frame *); // Thread.Detach: 0, or PY_NOT_ATTACHED
int py_resume(struct py_interp *);

void py_pass_baton(struct py_interp *);

// world.c
void py_while_stopped(void (*fn)(void *), void *arg); // attached

// cancel.c
int py_begin(struct py_frame *); // of a cancellable frame, attached
void py_end(struct py_interp *, struct py_frame *);
void py_absorb(struct py_interp *); // takes an exception that is pending for this thread
void py_settle(struct py_interp *); // the same, whether there is one or not
enum {
    PY_NOTHING_TO_CANCEL, // it does not run, or not yet
    PY_CANCEL_SENT,
    PY_CANCEL_LATER, // it is not the moment
    PY_CANCEL_DEAD,  // its thread has died: it will never end
};
int py_cancel(struct py_interp *, struct py_frame *);
void py_cancel_all(struct py_interp *); // whoever is inside

// os.c
int py_thread_id(void); // of this OS thread, for people
int py_on_main_thread(void);
uintptr_t py_stack_low(size_t *size); // of this thread; 0, of size 0, if that is not known

// crash.c
void py_default_signals(void);
void py_signal_stack(int back);

// memory.c
void py_memory_hook(void);
void py_memory_begin(struct py_interp *main);
void py_memory_watch(struct py_interp *);                // or NULL: it has failed
void py_memory_limit(struct py_interp *, int64_t bytes); // <= 0: none
int64_t py_memory_used(struct py_interp *);
int py_memory_lift(int lifted); // while an error is reported, returns the old setting

// record.c
enum {
    PY_EV_WAIT = 1,
    PY_EV_ATTACH,
    PY_EV_DETACH,
    PY_EV_LOST,
    PY_EV_HOLD,
    PY_EV_ENTER_C,
    PY_EV_LEAVE_C
};
struct py_event {
    int64_t time; // CLOCK_MONOTONIC ns
    int32_t lane; // as given with the frame; -tid where none was given
    int16_t kind, name;
    int32_t thread; // tid
};
int py_record_start(struct py_interp *, size_t most);
size_t py_record_stop(struct py_interp *, struct py_event **, char ***names, int *nnames,
                      int64_t *dropped); // the caller frees them
void py_record_attach(struct py_state *, struct py_frame *);
void py_record_detach(struct py_state *);
int64_t py_now(void);

#include "values.h"
#include "calls.h"
#include "goobject.h"

// bench.c: the same work without Go, which benchmarks compare with
void py_empty(void);
int64_t py_bench_call(struct py_interp *, const char *name, long a, long b, int64_t rounds,
                      int each);
int64_t py_bench_sub(struct py_interp *main, const PyInterpreterConfig *, int n, int64_t *bytes);
int64_t py_bench_callback(struct py_interp *, struct py_go *function, int detach, int64_t rounds);
int64_t py_bench_access(struct py_interp *, int what, int64_t rounds);
int64_t py_bench_list(struct py_interp *, int kind, int64_t n, int64_t rounds, int back);

#endif
