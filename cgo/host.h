// The whole C surface of the library: what Go calls (py_*) and what calls Go (go_*).
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
int py_on_main_thread(void);
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

// call.c
enum {
    PY_OP_CALL,
    PY_OP_CALL_OBJECT,
    PY_OP_EVAL,
    PY_OP_EXEC,
    PY_OP_DECODE,
    PY_OP_RAISE,
    PY_OP_FIND,
    PY_OP_ECHO
};
struct py_name;
struct py_name *py_name_new(const char *name, size_t len, int once);
void py_name_free(struct py_interp *, struct py_name *); // from anywhere
// The outcome is in the frame: a function without a result crosses faster.
void py_run(uintptr_t interp, struct py_frame *, int op, uint64_t what, const uint8_t *in,
            size_t len);
PyObject *py_find(struct py_interp *, struct py_name *); // what the name stands for now
PyObject *py_vectorcall(PyObject *fn, PyObject **args, size_t n, PyObject *kw); // args[-1] is free
PyObject *py_call_encoded(struct py_interp *, PyObject *fn, const uint8_t *args, size_t len);
PyObject *py_call_method(struct py_interp *, PyObject *, PyObject *name, const uint8_t *args,
                         size_t len);
PyObject *py_run_code(struct py_interp *, struct py_frame *, int start, const uint8_t *, size_t);
PyObject *py_dict_get(PyObject *dict, PyObject *key); // new, or NULL: an error only if it failed
int py_result(struct py_interp *, struct py_frame *, PyObject *); // takes the reference

// scalar.c
#define PY_SCALARS 3
struct py_scalar {
    uint64_t bits;
    int32_t kind;   // PY_T_INT..., PY_T_OBJECT for anything else; bits owns a reference then
    int32_t status; // PY_RAISED: bits is the exception, or 0
};
// kinds: 4 bits for each argument
PyObject *py_number(int kind, uint64_t bits);
enum { PY_NESTED = 2 }; // how: only on a thread that is attached to the interpreter
struct py_scalar py_call_scalars(uintptr_t interp, uint64_t name, int how, uint64_t kinds,
                                 uint64_t a, uint64_t b, uint64_t c);

struct py_scalar py_read_scalar(PyObject *); // takes the reference

// object.c: operations of a Thread. Those of py_object encode their result.
enum {
    PY_OBJ_STR,
    PY_OBJ_REPR,
    PY_OBJ_DIR,
    PY_OBJ_TYPE_NAME,
    PY_OBJ_DECODE,
    PY_OBJ_EVAL, // as py_run_code
    PY_OBJ_EXEC,
    PY_OBJ_VIEW,
    PY_OBJ_PENDING
};
int py_object(uintptr_t interp, struct py_frame *thread, struct py_frame *, int op, uint64_t obj,
              const uint8_t *in, size_t len);
int py_release(struct py_frame *thread, const uint64_t *objs, size_t n);

// operate.c: those of py_operate give an object (PY_T_OBJECT, the reference handed over), a number
// or nothing (PY_T_NONE). x and y are their operands.
enum {
    PY_DO_VALUE,  // x
    PY_DO_INTERN, // x, a str
    PY_DO_IMPORT,
    PY_DO_MODULE,  // one that is loaded
    PY_DO_BUILTIN, // x of the builtins
    PY_DO_FIND,    // y: a struct py_name
    PY_DO_ATTR,    // obj.x
    PY_DO_SET_ATTR,
    PY_DO_DEL_ATTR,
    PY_DO_HAS_ATTR,
    PY_DO_ITEM, // obj[x]
    PY_DO_SET_ITEM,
    PY_DO_DEL_ITEM,
    PY_DO_CONTAINS,
    PY_DO_LEN,
    PY_DO_TRUTH,
    PY_DO_HASH,
    PY_DO_NUMBER, // obj as a number, or obj
    PY_DO_TYPE,
    PY_DO_IS,
    PY_DO_IS_INSTANCE,
    PY_DO_COMPARE, // the truth of obj y x, y one of the operators
    PY_DO_BINARY,  // obj y x
    PY_DO_UNARY,   // y obj
    PY_DO_ITER,
    PY_DO_NEXT,
    PY_DO_CALL,  // the arguments are encoded
    PY_DO_METHOD // of the name x
};
// The kinds of operands: PY_T_NONE, _FALSE, _TRUE, _INT, _FLOAT, PY_T_REF for an object of the
// caller's, and these.
enum { PY_X_RAW = 64 /* not an operand: see above */, PY_X_TEXT, PY_X_ENCODED };
// what: the operation, and from bit 8 on and from bit 16 on the kinds of x and y. text is that of
// the one PY_X_TEXT, or the encoded operands in a row.
struct py_scalar py_operate(uintptr_t interp, struct py_frame *thread, uint64_t obj, uint64_t what,
                            uint64_t x, uint64_t y, const uint8_t *text, size_t len);
enum { PY_GOT_EXCEPTION = 1, PY_GOT_NOTHING = 2 /* PY_NOT_ATTACHED */ };
uint64_t py_get_attr(struct py_frame *thread, uint64_t obj, uint64_t name);
uint64_t py_get_index(struct py_frame *thread, uint64_t obj, int64_t i);
uint64_t py_get_key(struct py_frame *thread, uint64_t obj, const uint8_t *key, size_t len);
int py_incref(struct py_frame *thread, uint64_t obj);

// The form in which values cross; numbers are little-endian. unpack.c and pack.c are C's half,
// encode*.go and decode*.go Go's.
enum {
    PY_T_NONE,
    PY_T_FALSE,
    PY_T_TRUE,
    PY_T_INT,     // int64
    PY_T_BIG,     // u64 n, n bytes of two's complement
    PY_T_FLOAT,   // float64
    PY_T_COMPLEX, // two float64
    PY_T_STR8,    // u8 n, n bytes of UTF-8
    PY_T_STR,     // u64 n, n bytes
    PY_T_BYTES,   // u64 n, n bytes
    PY_T_LIST,
    PY_T_TUPLE,
    PY_T_SET,  // u64 n, n values
    PY_T_DICT, // u64 n, n times key, value
    PY_T_INTS,
    PY_T_FLOATS,   // u64 n, n times 8 bytes: a list of int64, of float64
    PY_T_SPECIAL,  // u8 of PY_V_*, one value
    PY_T_INSTANCE, // u64 number of a registered class, one value; to Go only
    PY_T_RECORD,   // u64 n, n values: the fields of a shape, in order; to Go only
    PY_T_MISSING,  // in place of a field that is not there
    PY_T_ARRAY,    // u8 kind as in numpy, u8 bytes an item, u8 n, n times u64, items; to Go only
    PY_T_FAR,      // u8 PY_T_STR or PY_T_BYTES; to Go: u64 index of the frame's far blobs; from Go:
                   // u64 address, pinned for the call, u64 n
    PY_T_REF,      // u64: an object that Go holds a reference to; from Go only
    PY_T_OBJECT,   // u64: an object, the reference handed over; its type's name; to Go only
    PY_T_FUNC,     // u64: struct py_func; from Go only
    PY_T_GO,       // u64: struct py_go; to Go with a hold on it; from Go: u64: its class, or 0
    PY_T_BUFFER,   // u64: a struct py_export that Go keeps until it is read; from Go only
    PY_T_STRUCT,   // u8 number of a layout; with the next number that layout: u8 n, n times u8 and
                   // a name. n values, or PY_T_MISSING: a dict; from Go only
};
// What PY_T_SPECIAL stands for, and the plain value behind it: see values.py.
enum {
    PY_V_PLAIN,    // that value itself
    PY_V_TIME,     // (us since 1970, s east of UTC, name of the zone or "")
    PY_V_DELTA,    // us
    PY_V_RATIO,    // (numerator, denominator)
    PY_V_UUID,     // 16 bytes
    PY_V_DECIMAL,  // its text
    PY_V_INSTANCE, // (class, its fields); from Go only
    PY_V_MADE,     // (name in callbacks.py's MAKERS, arguments...); from Go only
};
#define PY_MAX_DEPTH 1000
#define PY_KEYS 64
#define PY_LAYOUTS 32
struct py_reader {
    const uint8_t *p, *end;
    struct py_interp *in;
    int trusted; // PY_T_REF is taken at its word
    struct py_key {
        PyObject *key;
        const uint8_t *text;
        size_t len;
    } * keys;                   // PY_KEYS of them, or NULL
    struct py_layouts *layouts; // or NULL
};
PyObject *py_decode(struct py_reader *, int depth); // new reference, or NULL and error
PyObject *py_decode_all(struct py_interp *, const uint8_t *, size_t); // one value, and no more
PyObject *py_decode_str(struct py_reader *, uint64_t n);
int py_malformed(void); // -1 and error
// keys.c
struct py_layout {
    size_t n;
    PyObject **names;
};
PyObject *py_decode_key(struct py_reader *, int depth); // new reference, or NULL and error
struct py_layout *py_read_layout(struct py_reader *);   // NULL and error
int py_reader_begin(struct py_reader *);
void py_reader_end(struct py_reader *, int begun);
int py_encode(struct py_interp *, struct py_frame *, PyObject *); // 0, or -1 and error
void py_free_out(uint64_t out);
int py_encode_text(struct py_frame *, const char *);
int py_read_u64(struct py_reader *, uint64_t *); // 0, or -1 and error
int py_too_deep(void);                           // -1 and error

// A blob too large to be copied twice: Go copies it out of the object, still inside, and gives the
// object back.
struct py_far {
    uint64_t obj, data, len;
};
#define PY_FAR_MIN (64 << 10)

// shape.c: what Go's target is made of, so that objects which have no form of their own, or more
// than one, are turned into what is wanted. It belongs to one interpreter and lives as long.
enum {
    PY_S_ANY,
    PY_S_INTS,   // a sequence of ints
    PY_S_FLOATS, // of floats
    PY_S_TEXT,   // text: paths and the like too
    PY_S_RATIO,  // a fraction
    PY_S_UUID,   // 16 bytes, maybe a UUID
    PY_S_DECIMAL,
    PY_S_BYTES,
    PY_S_SEQ,    // of elem
    PY_S_MAP,    // of key and elem
    PY_S_STRUCT, // n fields
    PY_S_OBJECT  // the object itself
};
struct py_shape {
    int32_t kind;
    uint32_t n;
    struct py_shape *key, *elem, **fields;
    char *text;       // the names, each with a NUL
    PyObject **names; // of them; made at first use
    struct py_shape *next;
};
struct py_shape *py_shape_new(struct py_interp *, int kind, uint32_t n, const char *names,
                              size_t len);
void py_shape_field(struct py_shape *, uint32_t i, struct py_shape *);
PyObject **py_shape_names(struct py_shape *); // NULL and error
void py_shapes_drop(struct py_interp *);
void py_class_shape(struct py_interp *, uint64_t number, struct py_shape *);

// What an object is that is no plain value; asked of values.py once a class.
enum {
    PY_K_OBJECT,
    PY_K_COMPLEX,
    PY_K_SET,
    PY_K_ITEM,   // a scalar of numpy, a member of an enumeration: stands for another value
    PY_K_TIME,   // datetime, date, time, timedelta
    PY_K_TEXT,   // Decimal, Fraction, UUID, PathLike: a value only where one is wanted
    PY_K_BUFFER, // an array: the same
    PY_K_CLASSES // and up: registered classes
};
int py_kind(struct py_interp *, PyObject *type); // -1 and error
void py_forget_kinds(struct py_interp *);

// error.c
PyObject *py_take_exception(void);
void py_fail(PyObject *type, const char *text);
int py_raised(struct py_interp *, struct py_frame *); // PY_RAISED, or PY_NO_MEMORY
// Other code of the C API on this thread may have left an exception set. What is nested inside runs
// without it, and puts it back.
static inline void py_set_aside(PyObject *exc[3]) {
    exc[0] = NULL;
    if (py.PyErr_Occurred())
        py.PyErr_Fetch(&exc[0], &exc[1], &exc[2]);
}
static inline void py_set_back(PyObject *exc[3]) {
    if (exc[0])
        py.PyErr_Restore(exc[0], exc[1], exc[2]);
}

// An operation of a Thread: Go functions that it calls are called by `thread`. 0: not attached.
static inline int py_begin_op(struct py_frame *thread, struct py_frame **outer, PyObject *exc[3]) {
    struct py_state *st = py_thread.cur;
    if (!py_holds(thread))
        return 0;
    *outer = st->frame;
    st->frame = thread;
    exc[0] = NULL;
    if (py_foreign)
        py_set_aside(exc);
    return 1;
}
static inline void py_end_op(struct py_frame *outer, PyObject *exc[3]) {
    py_thread.cur->frame = outer;
    py_set_back(exc);
}

// callback.c
PyObject *py_natives(struct py_interp *);

// goobject.c and func.c: functions and other values of Go as Python objects.
//
// What Go and the objects that stand for it share. Each has a hold on it; the last to let go frees
// it and tells Go, which forgets the value then.
struct py_go {
    int64_t refs; // atomic
    uint64_t id;  // what Go knows it by
    struct py_interp *in;
    struct py_func *func; // it is the head of this; NULL: it stands for a value
};
struct py_param {
    const char *name; // "": it has none, and goes by its place
    struct py_shape *shape;
};
enum { PY_FUNC_ATTACHED = 1, PY_FUNC_VARIADIC = 2, PY_FUNC_SCALARS = 4 };
struct py_func {
    struct py_go go;
    int flags;
    uint32_t nrequired, npos, nparams; // parameters by place; those by keyword alone follow
    struct py_param *params;           // one more with VARIADIC: that of the rest
    const char *name, *module, *doc, *signature;
    char text[]; // all the names
};
// A call of it, on the stack of the thread that calls. Addresses are numbers here: Go's write
// barrier would look at what a pointer was before.
struct py_invoke {
    uint64_t caller;           // the py_frame of the call that this thread runs, or 0
    int32_t inside;            // the thread holds a place of the gate
    int32_t queued;            // others wait for one, and there is more room now
    int32_t kind;              // of the answer, if it is a single number; else -1
    uint64_t kinds;            // of the arguments, 4 bits each, if they all are; else 0
    uint64_t bits[PY_SCALARS]; // those arguments; then the answer
    uint64_t n;                // number of values encoded in the frame
    uint64_t answer;           // encoded, in the frame or in Go's memory, which is pinned then
    uint64_t len;
    uint64_t done; // what Go has to be told once the answer has been read, or 0
    struct py_frame f;
};
struct py_func *py_func_new(struct py_interp *, uint64_t id, int flags, uint32_t nparams,
                            const char *names, size_t len);
void py_func_param(struct py_func *, uint32_t i, struct py_shape *);
struct py_go *py_go_new(struct py_interp *, uint64_t id);
void py_go_release(struct py_go *);
struct py_func *py_func_of(PyObject *self);
PyObject *py_func_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);
PyObject *py_go_object(struct py_interp *, struct py_go *, PyObject *cls); // or an error
PyObject *py_value_type(struct py_interp *);                               // borrowed, or an error
struct py_go *py_go_of(struct py_interp *, PyObject *); // NULL: not such a one, or an error
int py_encode_args(struct py_interp *, struct py_frame *, PyObject *const *args,
                   struct py_param *params, size_t n, size_t last);
void py_end_calls(struct py_interp *);

// relay.c: what C asks of Go, by way of a goroutine where this thread must not call Go itself.
struct py_relayed {
    struct py_relayed *next;
    uint64_t id;
    struct py_invoke *inv;
    int what, answered;
};
enum { PY_RELAY_CALL, PY_RELAY_DROP, PY_RELAY_DONE, PY_RELAY_RELEASED };
void py_go_call(uint64_t id, struct py_invoke *);
void py_go_drop(uint64_t id);
void py_go_done(uint64_t id);
void py_go_released(uint64_t handle);   // of an export
struct py_relayed *py_relay_next(void); // waits for it
void py_relay_answer(struct py_relayed *);

// buffer.c: memory of Go in Python
struct py_export;
struct py_export *py_export_new(uint64_t handle, uint64_t data, int readonly, const char *format,
                                int64_t itemsize, int ndim, const int64_t *shape_strides);
// Close and drop need no GIL. 1: the memory is to be given up now; go_export_released tells of it
// where that happens in Python.
int py_export_close(struct py_export *, int64_t *views);
int py_export_drop(struct py_export *);
int64_t py_export_views(struct py_export *);
int64_t py_export_count(void);
PyObject *py_export_object(struct py_interp *, struct py_export *); // new reference, or error
void py_exports_end(struct py_interp *);                            // after its end

// view.c: memory of Python in Go. The object is held, and must not move or shrink, until the close.
struct py_view {
    Py_buffer b;
    int contiguous; // in C order
    struct py_interp *in;
    struct py_view *next;
};
int py_view_open(struct py_interp *, struct py_frame *, PyObject *, int writable); // -> f->obj
int py_view_copy(struct py_frame *thread, struct py_frame *, struct py_view *, void *to);
void py_view_close(struct py_view *);        // from anywhere
void py_views_give_back(struct py_interp *); // attached
int64_t py_view_count(struct py_interp *);

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

// capsule.c: Arrow's C data interface in capsules. The structs are the specification's.
enum { PY_ARROW_SCHEMA, PY_ARROW_ARRAY, PY_ARROW_STREAM };
enum { PY_TAKEN, PY_NO_CAPSULE, PY_OTHER_CAPSULE, PY_CONSUMED, PY_LACKS_MEMORY };
void *py_arrow_new(int kind); // zeroed
void py_arrow_free(int kind, void *);
PyObject *py_arrow_capsule(int kind, void *); // takes the struct; while attached, like the next two
int py_arrow_take(int kind, PyObject *capsule, void *to, uint64_t *owner);
int py_arrow_adopt(void *from, void *to); // of arrays
int py_arrow_schema(void *stream, void *to);
int py_arrow_next(void *stream, void *to);
const char *py_arrow_error(void *stream);
int py_arrow_over(void *array);
int py_arrow_arrays(struct py_interp *);
void py_drop_ref(uint64_t obj); // while attached

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

// bench.c: the same work without Go, which benchmarks compare with
void py_empty(void);
int64_t py_bench_call(struct py_interp *, const char *name, long a, long b, int64_t rounds,
                      int each);
int64_t py_bench_sub(struct py_interp *main, const PyInterpreterConfig *, int n, int64_t *bytes);
int64_t py_bench_callback(struct py_interp *, struct py_go *function, int detach, int64_t rounds);
int64_t py_bench_access(struct py_interp *, int what, int64_t rounds);
int64_t py_bench_list(struct py_interp *, int kind, int64_t n, int64_t rounds, int back);

#endif
