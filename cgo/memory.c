// What Python takes from the system: large blocks and the arenas of small ones. Small objects stay
// untouched by this. Free-threaded builds take their memory elsewhere: nothing is seen there.
#include <errno.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#define malloc_usable_size malloc_size
#else
#include <malloc.h>
#endif

#include "host.h"

static PyMemAllocatorEx raw;
static PyObjectArenaAllocator arenas;
static int64_t used, limit; // atomic
static __thread int lifted;

static int64_t size_of(void *p) {
    return p ? (int64_t)malloc_usable_size(p) : 0;
}

// Only code that runs attached can raise MemoryError; the rest is never refused.
static int refused(size_t n) {
    int64_t max = get(&limit);
    if (max <= 0 || lifted || get(&used) + (int64_t)n <= max)
        return 0;
    return (py.PyThreadState_GetUnchecked ? py.PyThreadState_GetUnchecked()
                                          : py._PyThreadState_UncheckedGet()) != NULL;
}

static void *counted(void *p) {
    add(&used, size_of(p));
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
        add(&used, size_of(q) - before);
    return q;
}

static void raw_free(void *ctx, void *p) {
    add(&used, -size_of(p));
    raw.free(ctx, p);
}

static void *arena_alloc(void *ctx, size_t n) {
    void *p = refused(n) ? NULL : arenas.alloc(ctx, n);
    if (p)
        add(&used, (int64_t)n);
    return p;
}

static void arena_free(void *ctx, void *p, size_t n) {
    add(&used, -(int64_t)n);
    arenas.free(ctx, p, n);
}

void py_memory_hook(void) {
    py.PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw);
    py.PyObject_GetArenaAllocator(&arenas);
    PyMemAllocatorEx r = {raw.ctx, raw_malloc, raw_calloc, raw_realloc, raw_free};
    PyObjectArenaAllocator a = {arenas.ctx, arena_alloc, arena_free};
    py.PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &r);
    py.PyObject_SetArenaAllocator(&a);
}

void py_memory_limit(int64_t bytes) {
    put(&limit, bytes);
}

int64_t py_memory_used(void) {
    return get(&used);
}

int py_memory_lift(int on) {
    int old = lifted;
    lifted = on;
    return old;
}
