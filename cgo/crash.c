// For a process that is there for Python alone, and ends with it.
#include <signal.h>

#include "host.h"

static __thread stack_t kept;

// Keeps the stack for signals of this thread, or gives it back: faulthandler puts one of its own in
// the place of that which Go, or a sanitizer, takes for its own.
void py_signal_stack(int back) {
    if (back)
        sigaltstack(&kept, NULL);
    else
        sigaltstack(NULL, &kept);
}

// Gives up Go's handlers of the signals by which a crash shows: what installs one then, as
// faulthandler does, comes back to the default action, and the process ends by its signal.
void py_default_signals(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &dfl, NULL);
}
