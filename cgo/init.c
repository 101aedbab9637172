// Starting and finishing the main interpreter, both on one OS thread.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

// A forked child that comes back into Go hangs at its first collection: refuse it, with a way out.
static int audit(const char *event, PyObject *args, void *data) {
    (void)args;
    (void)data;
    if (event[0] != 'o' || (strcmp(event, "os.fork") && strcmp(event, "os.forkpty")))
        return 0;
    char msg[200];
    snprintf(msg, sizeof msg,
             "%s is refused inside a Go process, whose child could not run: use subprocess, or "
             "multiprocessing with the start method spawn or forkserver",
             event);
    py.PyErr_SetString(*py.PyExc_RuntimeError, msg);
    return -1;
}

// An isolated configuration passes over this variable, even if it honours the rest.
static int set_hash_seed(PyInitConfig *c) {
    const char *text = getenv("PYTHONHASHSEED");
    char *end;
    if (!text || !*text || !strcmp(text, "random"))
        return 0;
    unsigned long seed = strtoul(text, &end, 10);
    if (*end) // an error that names the option
        return py.PyInitConfig_SetStr(c, "hash_seed", text);
    return py.PyInitConfig_SetInt(c, "use_hash_seed", 1) ||
           py.PyInitConfig_SetInt(c, "hash_seed", (int64_t)seed);
}

static int start_config(const struct py_start *s, char *err, size_t cap) {
    PyInitConfig *c = py.PyInitConfig_Create();
    const char *msg = "out of memory";
    if (!c)
        return snprintf(err, cap, "%s", msg), -1;
    int bad = py.PyInitConfig_SetInt(c, "isolated", !s->use_environment && !s->user_site) ||
              py.PyInitConfig_SetInt(c, "use_environment", s->use_environment) ||
              py.PyInitConfig_SetInt(c, "user_site_directory", s->user_site) ||
              (s->use_environment && set_hash_seed(c)) ||
              py.PyInitConfig_SetInt(c, "safe_path", 1) ||
              py.PyInitConfig_SetInt(c, "utf8_mode", 1) ||
              py.PyInitConfig_SetInt(c, "install_signal_handlers", 0) ||
              py.PyInitConfig_SetInt(c, "parse_argv", 0) ||
              (s->program && py.PyInitConfig_SetStr(c, "program_name", s->program)) ||
              (s->home && py.PyInitConfig_SetStr(c, "home", s->home)) ||
              py.Py_InitializeFromInitConfig(c);
    if (bad) {
        py.PyInitConfig_GetError(c, &msg);
        snprintf(err, cap, "%s", msg);
    }
    py.PyInitConfig_Free(c);
    return bad ? -1 : 0;
}

// One character of UTF-8, or 0 if it is none. *n: how many bytes it has.
static wchar_t one_char(const unsigned char *s, size_t *n) {
    static const wchar_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    wchar_t c = s[0];
    *n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;
    if (*n < 2)
        return *n ? c : 0;
    c &= 0x7f >> *n;
    for (size_t i = 1; i < *n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < least[*n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : c;
}

// As Python's UTF-8 mode reads a path: Py_DecodeLocale would go by the locale, which is "C" in a Go
// program. A byte that is no UTF-8 becomes a lone surrogate.
static wchar_t *decode_path(const char *path) {
    const unsigned char *s = (const unsigned char *)path;
    wchar_t *out = calloc(strlen(path) + 1, sizeof *out), *w = out;
    while (w && *s) {
        size_t n;
        wchar_t c = one_char(s, &n);
        *w++ = c ? c : (wchar_t)(0xdc00 + *s); // wchar_t has no sign on arm64
        s += c ? n : 1;
    }
    return out;
}

// Up to 3.13: PyConfig's layout changes with each minor version, the flags do not. The strings
// must live as long as Python.
static void start_flags(const struct py_start *s) {
    if (py.Py_IsolatedFlag)
        *py.Py_IsolatedFlag = !s->use_environment && !s->user_site;
    if (py.Py_IgnoreEnvironmentFlag)
        *py.Py_IgnoreEnvironmentFlag = !s->use_environment;
    if (py.Py_NoUserSiteDirectory)
        *py.Py_NoUserSiteDirectory = !s->user_site;
    if (py.Py_UTF8Mode)
        *py.Py_UTF8Mode = 1;
    if (s->program)
        py.Py_SetProgramName(decode_path(s->program));
    if (s->home)
        py.Py_SetPythonHome(decode_path(s->home));
    py.Py_InitializeEx(0); // 0: Go keeps the signal handlers
}

static int find_names(struct py_interp *in) {
    struct py_names *n = &in->names;
    PyObject *mod = py.PyImport_AddModule("__main__"); // borrowed
    n->main_dict = mod ? py_hold(py.PyModule_GetDict(mod)) : NULL;
    n->builtins = py_hold(py.PyEval_GetBuiltins());
    n->sys_modules = py_hold(py.PySys_GetObject("modules"));
    n->cancelled = py.PyErr_NewException("pyhost.Cancelled", *py.PyExc_BaseException, NULL);
    return n->main_dict && n->builtins && n->sys_modules && n->cancelled ? 0 : -1;
}

// What is held of __main__ would live on, without its __del__, when Python ends.
void py_drop_names(struct py_interp *in) {
    PyObject **p = (PyObject **)&in->names, **end = (PyObject **)(&in->names + 1);
    for (; p < end; p++) {
        if (*p)
            py.Py_DecRef(*p);
        *p = NULL;
    }
}

// Of the interpreter that is attached.
struct py_interp *py_new_interp(PyThreadState *ts, uint64_t handle) {
    struct py_interp *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->handle = handle;
    in->anchor = ts;
    in->is = py.PyThreadState_GetInterpreter(ts);
    in->id = py.PyInterpreterState_GetID(in->is);
    pthread_mutex_init(&in->mu, NULL);
    if (!py_keeper_make(in) || find_names(in)) {
        py.PyErr_Clear();
        py_drop_names(in);
        free(in->keeper);
        free(in);
        return NULL;
    }
    return in;
}

static void import_early(const char *name) {
    PyObject *mod = py.PyImport_ImportModule(name);
    if (mod)
        py.Py_DecRef(mod);
    py.PyErr_Clear();
}

int py_start_may_exit(void) {
    return !py.PyInitConfig_Create;
}

struct py_interp *py_start(const struct py_start *s, uint64_t handle, char *err, size_t cap) {
    if (py.Py_IsInitialized()) {
        snprintf(err, cap, "another package has started Python in this process");
        return NULL;
    }
    py_memory_hook();
    if (!py.PyInitConfig_Create)
        start_flags(s);
    else if (start_config(s, err, cap))
        return NULL;
    py_memory_hook();
    PyThreadState *first = py.PyThreadState_Get();
    // Not before: PYTHONDEVMODE and PYTHONMALLOC may have brought another allocator, which could
    // not free what the hook takes.
    py.PySys_AddAuditHook(audit, NULL);
    py_find_gil_key();
    struct py_interp *in = py_calibrate() ? NULL : py_new_interp(first, handle);
    if (in)
        py_memory_watch(in);
    if (!in)
        snprintf(err, cap, "cannot read this Python's objects");
    import_early("_signal"); // up to 3.11 _thread.interrupt_main crashes without it
    py.PyEval_SaveThread();
    return in;
}

// What bootstrap.py compiles to, marshalled: to compile it is a sixth of the time that a new
// interpreter takes. Written for the main interpreter, before there is another.
static char *compiled;
static Py_ssize_t ncompiled;

static void keep_compiled(PyObject *code) {
    PyObject *b = py.PyMarshal_WriteObjectToString(code, py_loaded_version() >= 0x030e ? 5 : 4);
    char *data;
    Py_ssize_t n;
    if (b && !py.PyBytes_AsStringAndSize(b, &data, &n) && (compiled = malloc((size_t)n))) {
        memcpy(compiled, data, (size_t)n);
        ncompiled = n;
    }
    py.PyErr_Clear();
    if (b)
        py.Py_DecRef(b);
}

static PyObject *own_code(struct py_interp *in, const char *source) {
    if (compiled)
        return py.PyMarshal_ReadObjectFromString(compiled, ncompiled);
    PyObject *code = py.Py_CompileStringExFlags(source, "<pyhost>", Py_file_input, NULL, -1);
    if (code && !in->main)
        keep_compiled(code);
    return code;
}

// Runs bootstrap.py in a module of its own and takes `report` from it.
static int bootstrap(struct py_interp *in, PyObject *dict, const char *source) {
    PyObject *natives = py_natives(in);
    if (!natives)
        return -1;
    int rc = py.PyDict_SetItemString(dict, "native", natives) ||
             py.PyDict_SetItemString(dict, "Cancelled", in->names.cancelled) ||
             py.PyDict_SetItemString(dict, "__builtins__", in->names.builtins);
    py.Py_DecRef(natives);
    PyObject *code = rc ? NULL : own_code(in, source);
    PyObject *done = code ? py.PyEval_EvalCode(code, dict, dict) : NULL;
    if (code)
        py.Py_DecRef(code);
    if (!done)
        return -1;
    py.Py_DecRef(done);
    struct py_names *n = &in->names;
    n->own = py_hold(dict);
    const struct {
        PyObject **to;
        const char *name;
    } wanted[] = {
        {&n->report, "report"},       {&n->absorb, "absorb"},     {&n->make, "make"},
        {&n->plain, "plain"},         {&n->classify, "classify"}, {&n->raise_go, "raise_go"},
        {&n->signature, "signature"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (!(*wanted[i].to = py_hold(py.PyDict_GetItemString(dict, wanted[i].name))))
            return -1;
    }
    return 0;
}

int py_bootstrap(struct py_interp *in, const char *source, struct py_frame *f) {
    struct py_scope sc;
    int rc = py_enter(in, &sc, f);
    if (rc)
        return rc;
    PyObject *mod = py.PyImport_AddModule("_pyhost"); // borrowed
    if (!mod || bootstrap(in, py.PyModule_GetDict(mod), source))
        rc = py_raised(in, f);
    py_leave(&sc);
    return rc;
}

// Threads that have ended, but not quite, are waited for. The caller is attached by the anchor.
int py_strangers(struct py_interp *in, int64_t limit) {
    int64_t end = py_now() + limit;
    int strangers = py_close_states(in, in->anchor);
    while (strangers && py_now() < end) {
        py.PyEval_SaveThread();
        usleep(1000);
        py.PyEval_RestoreThread(in->anchor);
        strangers = py_close_states(in, in->anchor);
    }
    return strangers;
}

int py_finish(struct py_interp *in, int64_t limit) {
    if (in->main)
        return py_sub_end(in, limit);
    py.PyEval_RestoreThread(in->anchor);
    int strangers = py_strangers(in, limit);
    if (strangers) {
        py.PyEval_SaveThread();
        return strangers;
    }
    py_drop_names(in);
    py_shapes_drop(in);
    py.Py_FinalizeEx();
    py_exports_end(in);
    return 0;
}
