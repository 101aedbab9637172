// What Linux and macOS have under different names.
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "host.h"

#ifdef __APPLE__

int py_thread_id(void) {
    uint64_t id = 0;
    pthread_threadid_np(NULL, &id);
    return (int)id;
}

int py_on_main_thread(void) {
    return pthread_main_np();
}

uintptr_t py_stack_low(size_t *size) {
    *size = pthread_get_stacksize_np(pthread_self());
    return (uintptr_t)pthread_get_stackaddr_np(pthread_self()) - *size; // which is its upper end
}

#else

int py_thread_id(void) {
    return (int)syscall(SYS_gettid);
}

int py_on_main_thread(void) {
    return getpid() == py_thread_id();
}

uintptr_t py_stack_low(size_t *size) {
    pthread_attr_t attr;
    void *low = NULL;
    *size = 0;
    if (!pthread_getattr_np(pthread_self(), &attr)) {
        pthread_attr_getstack(&attr, &low, size);
        pthread_attr_destroy(&attr);
    }
    return (uintptr_t)low;
}

#endif
