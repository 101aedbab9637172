#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

struct py_api py;

static int version;
size_t py_type_offset;

// A missing symbol is reported by name, so that an unsupported build explains itself.
static int resolve(void *lib, void *slot, const char *name, char *err, size_t cap) {
    void *sym = dlsym(lib, name);
    if (!sym) {
        snprintf(err, cap, "no symbol %s: not a supported CPython", name);
        return -1;
    }
    memcpy(slot, &sym, sizeof sym);
    return 0;
}

static int resolve_all(void *lib, char *err, size_t cap) {
#define X(ret, name, args)                                                                         \
    if (resolve(lib, &py.name, #name, err, cap))                                                   \
        return -1;
    PY_FUNCTIONS(X)
#undef X
#define X(name)                                                                                    \
    if (resolve(lib, &py.name, #name, err, cap))                                                   \
        return -1;
    PY_DATA(X)
    PY_EXCEPTIONS(X)
#undef X
    void *sym;
#define X(ret, name, args)                                                                         \
    sym = dlsym(lib, #name);                                                                       \
    memcpy(&py.name, &sym, sizeof sym);
    PY_OPTIONAL(X)
#undef X
#define X(name) py.name = dlsym(lib, #name);
    PY_FLAGS(X)
#undef X
    return 0;
}

static void path_of(void *symbol, char *out) {
    Dl_info info;
    if (!dladdr(symbol, &info) || !info.dli_fname || !realpath(info.dli_fname, out))
        out[0] = 0;
}

// A libpython that the process holds already (linked in by another package) is the one to use:
// two of them in one process share symbols and corrupt each other.
static void *open_library(const char *path, char *err, size_t cap) {
    char have[PATH_MAX], want[PATH_MAX];
    void *linked = dlsym(RTLD_DEFAULT, "Py_GetVersion");
    if (linked) {
        path_of(linked, have);
        if (path && realpath(path, want) && strcmp(have, want) != 0) {
            snprintf(err, cap, "the process already holds %s", have);
            return NULL;
        }
        return RTLD_DEFAULT;
    }
    void *lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL); // extension modules need the GLOBAL
    if (!lib)
        snprintf(err, cap, "%s", dlerror());
    return lib;
}

int py_linked(char *out, size_t cap) {
    char have[PATH_MAX];
    void *linked = dlsym(RTLD_DEFAULT, "Py_GetVersion");
    if (!linked)
        return 0;
    path_of(linked, have);
    snprintf(out, cap, "%s", have);
    return 1;
}

static int read_library(void *lib, char *err, size_t cap) {
    int major, minor;
    const char *(*get_version)(void);
    if (resolve(lib, &get_version, "Py_GetVersion", err, cap))
        return -1;
    if (sscanf(get_version(), "%d.%d", &major, &minor) != 2) {
        snprintf(err, cap, "strange version %.40s", get_version());
        return -1;
    }
    if (major != 3 || minor < 10) {
        snprintf(err, cap, "CPython %d.%d is not supported: 3.10 or later is needed", major, minor);
        return -1;
    }
    version = major << 8 | minor;
    return resolve_all(lib, err, cap);
}

int py_load(const char *path, char *err, size_t cap) {
    void *lib = open_library(path, err, cap);
    if (!lib && err[0])
        return -1;
    if (!read_library(lib, err, cap))
        return 0;
    if (lib != RTLD_DEFAULT)
        dlclose(lib); // another may be tried
    return -1;
}

int py_loaded_version(void) {
    return version;
}

const char *py_version_text(void) {
    return py.Py_GetVersion();
}

int py_free_threaded(void) {
    return py._Py_DecRefShared != NULL;
}

// The free-threaded 3.13 frees no function, class, module and code once it has a second thread.
int py_immortal_code(void) {
    return py_free_threaded() && version == 0x030d;
}

// ob_type lies at another offset on free-threaded builds: find it in an object of known type.
// Where the type stands in an object, and where an object's own part begins.
int py_calibrate(void) {
    int overflow;
    PyObject *none = py._Py_NoneStruct, *type = py.PyObject_Type(none);
    PyObject *size = py.PyObject_GetAttrString(py.PyBaseObject_Type, "__basicsize__");
    if (size) {
        py_object_size = (size_t)py.PyLong_AsLongLongAndOverflow(size, &overflow);
        py.Py_DecRef(size);
    }
    for (size_t i = 0; i < 8; i++) {
        if (((PyObject **)none)[i] == type) {
            py_type_offset = i;
            py.Py_DecRef(type);
            return 0;
        }
    }
    py.Py_DecRef(type);
    return -1;
}
