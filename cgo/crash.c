// For a process that is there for Python alone, and ends with it.
#include <signal.h>

#include "host.h"

// Gives up Go's handlers of the signals by which a crash shows: what installs one then, as
// faulthandler does, comes back to the default action, and the process ends by its signal.
void py_default_signals(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &dfl, NULL);
}
