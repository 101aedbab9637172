// What each interpreter takes from the system: large blocks and the arenas of small ones. Small
// objects stay untouched by this. Free-threaded builds take their memory elsewhere: nothing is seen
// there.
//
// A block is counted for the interpreter whose thread state is attached, when it is taken and when
// it is given back. So what one takes and another gives back (a thread state, made detached) shifts
// the figures by its size: a header in each block would not, and would have to be told from blocks
// that are older than the hook. Up to 3.12 our interpreters share the arenas, and one counts for
// whoever needed it.
#include <errno.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif

#include "thread.h"

static PyMemAllocatorEx raw;
static PyObjectArenaAllocator arenas;
static struct py_interp *known;          // atomic: all that ever were, the newest first
static struct py_interp *first;          // the main one
static __thread struct py_interp *maker; // this thread makes an interpreter, from this one
static __thread int64_t homeless;        // taken by this thread for one that is not known yet
static __thread int lifted;

// PYTHONMALLOC=debug and debug builds put 'r' before a raw block, and two words before it what was
// asked for, big-endian: see PyMem_SetupDebugHooks. That block is not malloc's.
static int64_t size_of(void *p) {
    size_t n = 0;
    if (!p || !raw.ctx)
        return p ? (int64_t)malloc_usable_size(p) : 0;
    const uint8_t *debug = (const uint8_t *)p - 2 * sizeof n;
    for (size_t i = 0; i < sizeof n && debug[sizeof n] == 'r'; i++)
        n = n << 8 | debug[i];
    return (int64_t)n;
}

static struct py_interp *find(PyInterpreterState *is) {
    static __thread struct py_interp *found, *newest; // the last found, and the newest known then
    struct py_interp *in = get(&known);
    if (found && found->is == is && newest == in)
        return found;
    newest = in;
    while (in && in->is != is)
        in = in->next_known;
    return found = in;
}

// The one whose code runs. NULL: there is none, or it is being made. Up to 3.11 the current thread
// state is that of whoever holds the GIL, not to be looked into by others: a thread that Python
// made counts for the main interpreter there.
static struct py_interp *running(void) {
    if (py_loaded_version() < 0x030c)
        return maker ? NULL : py_thread.cur ? py_thread.cur->in : first;
    PyThreadState *ts = py_current();
    PyInterpreterState *is = ts ? py.PyThreadState_GetInterpreter(ts) : NULL;
    return !is || (maker && is != maker->is) ? NULL : find(is);
}

// The calling thread is about to make an interpreter from `main`; and it is made, or has failed.
void py_memory_begin(struct py_interp *main) {
    maker = main;
    homeless = 0;
}

void py_memory_watch(struct py_interp *in) {
    maker = NULL;
    if (!in)
        return;
    in->used = homeless;
    in->next_known = get(&known);
    put(&known, in);
    if (!first)
        first = in;
}

// Only code that runs attached can raise MemoryError; the rest is never refused.
static int refused(size_t n) {
    struct py_interp *in = running();
    int64_t max = in ? get(&in->memory_limit) : 0;
    return max > 0 && !lifted && get(&in->used) + (int64_t)n > max && py_current();
}

static void count(int64_t n) {
    struct py_interp *in = running();
    if (in)
        add(&in->used, n);
    else
        homeless += n;
}

static void *counted(void *p) {
    count(size_of(p));
    return p;
}

static void *raw_malloc(void *ctx, size_t n) {
    return refused(n) ? NULL : counted(raw.malloc(ctx, n));
}

static void *raw_calloc(void *ctx, size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total) || refused(total))
        return NULL;
    return counted(raw.calloc(ctx, n, size));
}

static void *raw_realloc(void *ctx, void *p, size_t n) {
    int64_t before = size_of(p);
    if ((int64_t)n > before && refused(n - (size_t)before))
        return NULL;
    void *q = raw.realloc(ctx, p, n);
    if (q)
        count(size_of(q) - before);
    return q;
}

static void raw_free(void *ctx, void *p) {
    count(-size_of(p));
    raw.free(ctx, p);
}

// Arenas that were given back: those that come and go with each call would have their pages faulted
// in each time. What is of another size is no arena.
#define ARENA (1 << 20)
#define SPARES 4
static void *spare[SPARES]; // atomic

static void *arena_alloc(void *ctx, size_t n) {
    void *p = NULL;
    if (refused(n))
        return NULL;
    for (int i = 0; n == ARENA && !p && i < SPARES; i++)
        p = __atomic_exchange_n(&spare[i], NULL, __ATOMIC_ACQ_REL);
    if (!p)
        p = arenas.alloc(ctx, n);
    if (p)
        count((int64_t)n);
    return p;
}

static void arena_free(void *ctx, void *p, size_t n) {
    count(-(int64_t)n);
    for (int i = 0; n == ARENA && p && i < SPARES; i++)
        p = __atomic_exchange_n(&spare[i], p, __ATOMIC_ACQ_REL);
    if (p)
        arenas.free(ctx, p, n);
}

// Before Python starts, and again after it: PYTHONMALLOC and PYTHONDEVMODE replace what was there.
void py_memory_hook(void) {
    PyMemAllocatorEx now;
    PyObjectArenaAllocator now_arenas;
    py.PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &now);
    py.PyObject_GetArenaAllocator(&now_arenas);
    if (now.malloc != raw_malloc) {
        raw = now;
        now = (PyMemAllocatorEx){raw.ctx, raw_malloc, raw_calloc, raw_realloc, raw_free};
        py.PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &now);
#ifdef __SANITIZE_ADDRESS__ // which is blind in the arenas of small objects
        if (!py.Py_IsInitialized()) {
            py.PyMem_SetAllocator(PYMEM_DOMAIN_MEM, &now);
            py.PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &now);
        }
#endif
    }
    if (now_arenas.alloc != arena_alloc) {
        arenas = now_arenas;
        now_arenas = (PyObjectArenaAllocator){arenas.ctx, arena_alloc, arena_free};
        py.PyObject_SetArenaAllocator(&now_arenas);
    }
}

void py_memory_limit(struct py_interp *in, int64_t bytes) {
    put(&in->memory_limit, bytes);
}

int64_t py_memory_used(struct py_interp *in) {
    return get(&in->used);
}

int py_memory_lift(int on) {
    int old = lifted;
    lifted = on;
    return old;
}
