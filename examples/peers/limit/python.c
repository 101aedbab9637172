// A python that lives in libpython, as it does in every program that embeds it: python <libpython>
// <arguments of python>. The executable of many installations has a copy of its own, linked
// statically and optimised further.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *lib = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
    int (*run)(int, char **) = lib ? (int (*)(int, char **))dlsym(lib, "Py_BytesMain") : NULL;
    if (!run) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    return run(argc - 1, argv + 1);
}
