"""What pyhost runs in each interpreter before the program's own code.

Given: native (functions made of C that call Go), Cancelled (the exception class that a cancelled
call raises), LATE, VALUES and CALLBACKS, the texts of late.py, values.py and callbacks.py.
Compiling all of it would take a third of the time of a start.
"""

import _thread
import sys

FREE_THREADED = "t" in sys.abiflags
late_lock, texts_run = _thread.RLock(), set()
compile_mortal = compile  # for C


def late(name, text="LATE"):
    """A function of late.py or values.py. Another thread must neither see half of a text nor run it
    again: what it has gathered would be lost.
    """
    if text not in texts_run:
        run_text(text)
    return globals()[name]


def run_text(text):
    try:  # from here on: an exception may be raised in this thread once it has the lock
        late_lock.acquire()
        if text not in texts_run:
            exec(compile(globals()[text], "<pyhost>", "exec"), globals())
            texts_run.add(text)
    finally:
        if late_lock._is_owned():
            late_lock.release()


def report(exc):
    """What Go is told of an exception; None: its name will do. The first one takes 20 ms, for
    traceback imports much: a caller whose time is up should not wait for that.
    """
    if type(exc) is Cancelled and "describe_exception" not in globals():
        return None
    return late("describe_exception")(exc)


def warm():
    """Makes the first report quick."""
    late("describe_exception")
    import traceback


def classify(cls):
    return late("kind_of", "VALUES")(cls)


def plain(kind, want, value):
    return late("plain_of", "VALUES")(kind, want, value)


def make(what, value):
    return late("make_value", "VALUES")(what, value)


def raise_go(answer):
    return late("exception_of", "CALLBACKS")(*answer)


def signature(text):
    return late("signature_of", "CALLBACKS")(text)


def module(*args):
    return late("make_module", "CALLBACKS")(*args)


def go_class(spec):
    return late("make_class", "CALLBACKS")(spec)


def taker(iterable):
    return late("Taker", "CALLBACKS")(iterable)


def take(taker, n):
    return taker.take(n)


def close_taker(taker):
    taker.close()


def file_read(file, n):
    return late("read_file", "CALLBACKS")(file, n)


def file_write(file, data):
    return late("write_file", "CALLBACKS")(file, data)


def file_seek(file, offset, whence):
    return file.seek(offset, whence)


def file_close(file):
    file.close()


def logging_to(emit, level):
    return late("log_to", "CALLBACKS")(emit, level)


def with_buffer(array):
    return late("array_with_buffer", "VALUES")(array)


def register(cls):
    return late("register_class", "VALUES")(cls)


def shutdown(grace):
    return late("end_all")(grace)


def configure(settings):
    """Applies Config. Called once, before any code of the program."""
    global tidies
    tidies = settings["main"]
    stdout, stderr = settings["stdout"], settings["stderr"]
    if stdout or stderr:
        late("take_streams")(stdout, stderr)
    for stream, ours in ((sys.stdout, stdout), (sys.stderr, stderr)):
        # Not at each write: a line that several threads print in parts would be torn.
        if stream is not None and not ours:
            stream.reconfigure(line_buffering=True)
    sys.argv = settings["args"]  # not at the start: 3.14 would want UTF-8
    if settings["cwd"]:
        sys.path.insert(0, "")
    sys.path[:0] = settings["path"]
    if settings["env"]:
        import os

        os.environ.update(settings["env"])
    if settings["audit"]:
        late("audit")(settings["audit"])
    if settings["isolate"] and sys.version_info < (3, 12):
        refuse_extensions()
    after_import("faulthandler", refuse_faulthandler)
    after_import("threading", start_no_daemons, native["by_keeper"])
    if sys.version_info < (3, 14):
        after_import("multiprocessing.context", spawn)
    after_import("signal", explain_signal)


originals = {}  # of what is refused to the program


def dump_crashes(fd):
    """Has a fatal signal write where the threads are in Python."""
    import faulthandler  # which fills originals

    more = {"c_stack": False} if sys.version_info >= (3, 14) else {}
    originals["enable"](file=fd, all_threads=True, **more)
    originals["register"](24, file=fd, all_threads=True, chain=True)  # SIGXCPU


def after_import(name, change, run=lambda load: load()):
    """Has a module changed as soon as it is there: importing them all here would take as long as
    the rest of a start. run calls what loads it.
    """
    if name in sys.modules:
        change(sys.modules[name])
        return

    class Finder:
        # The caller holds the lock of all imports: to import anything here would deadlock.
        @staticmethod
        def find_spec(wanted, path=None, target=None):
            if wanted != name:
                return None
            for finder in sys.meta_path:
                spec = None if finder is Finder else finder.find_spec(name, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = Loader(spec.loader, change, run)
                    return spec
            return None

    sys.meta_path.insert(0, Finder)


class Loader:
    """Another loader, and a change to the module that it has loaded."""

    def __init__(self, loader, change, run):
        self.loader, self.change, self.run = loader, change, run

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.run(lambda: self.loader.exec_module(module))
        self.change(module)


# Of the standard library, what later versions refuse.
SHARED = {"_curses", "_curses_panel", "_tkinter", "_tracemalloc", "faulthandler", "readline"}


def refuse_extensions():
    """What CPython does from 3.12 on, for a sub-interpreter: it refuses modules that keep their
    state for the whole process. Before, it only knows them once they have been loaded, which is too
    late: the main interpreter is given what they made here, and crashes when this one has ended. So
    none is loaded that is not of the standard library.
    """
    import _frozen_importlib as builtin, _frozen_importlib_external as external

    def refuse(loader, shared, wrap):
        create = loader.create_module

        def create_module(*args):
            spec = args[-1]
            if shared(spec.name):
                raise ImportError(
                    f"module {spec.name} does not support loading in subinterpreters",
                    name=spec.name,
                )
            return create(*args)

        loader.create_module = wrap(create_module)

    def other(name):
        return name in SHARED or name.partition(".")[0] not in sys.stdlib_module_names

    refuse(builtin.BuiltinImporter, SHARED.__contains__, staticmethod)
    refuse(external.ExtensionFileLoader, other, lambda function: function)


def start_no_daemons(threading):
    """A thread takes after the one that starts it, and those that Python did not start are daemons
    to it: but what a goroutine starts is to be waited for, as if the main thread had started it.
    """
    init = threading._DummyThread.__init__

    def as_main(self):
        init(self)
        self._daemonic = False

    threading._DummyThread.__init__ = as_main


def spawn(context):
    """multiprocessing's default up to 3.13 is to fork."""
    context._default_context = context.DefaultContext(context._concrete_contexts["spawn"])


def refuse_faulthandler(faulthandler):
    """faulthandler replaces the handler by which Go recovers from a nil dereference."""

    def refuse(name):
        def refused(*args, **kw):
            raise RuntimeError(
                f"faulthandler.{name} is refused inside a Go process: it replaces Go's signal "
                "handlers; faulthandler.dump_traceback works"
            )

        return refused

    originals.update(enable=faulthandler.enable, register=faulthandler.register)
    if faulthandler.is_enabled():  # by the environment; this brings Go's handlers back
        faulthandler.disable()
    faulthandler.enable, faulthandler.register = refuse("enable"), refuse("register")


def explain_signal(module):
    """Handlers are set on the main thread alone, which runs none of the program's code."""
    set_handler = module.signal

    def signal(signalnum, handler):
        try:
            return set_handler(signalnum, handler)
        except ValueError as e:
            if "main thread" not in str(e):
                raise
        raise ValueError(
            "signal.signal is refused inside a Go process, which handles the signals: use "
            "os/signal in Go, and call Python from there"
        )

    signal.__doc__ = set_handler.__doc__
    module.signal = signal


def absorb():
    """Takes an exception that was set for this thread and has not been raised yet. It may come
    here, or at the call of this function.
    """
    try:
        for _ in (1, 2, 3):
            pass
    except Cancelled:
        pass


def same(value):
    return value


def call_each(name, items):
    """The results of a function for items, up to the first that raises: that exception is for a
    call of its own.
    """
    results = []
    return {"results": results, "raise": fill(results, native["find"](name), items)}


def fill(results, function, items):
    try:
        for item in items:
            results.append(function(item))
    except Cancelled:
        raise
    except BaseException as e:
        return Raiser(e)


class Raiser:
    def __init__(self, exception):
        self.exception = exception

    def __call__(self):
        try:
            raise self.exception
        finally:
            self.exception = None  # which holds this frame


def import_all(names):
    import importlib

    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:  # this Python was built without it
            pass


def tidy(collect):
    """Of a free-threaded build: frees what is queued for threads that may not come back, which may
    queue more, and tells whether a GIL has been turned on.
    """
    import gc

    if collect and gc.isenabled():
        gc.collect()
    return sys._is_gil_enabled()


def new_namespace():
    return {"__builtins__": __builtins__, "__name__": "__namespace__"}
