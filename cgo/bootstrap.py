"""What pyhost runs in each interpreter before the program's own code.

Given: native (functions made of C that call Go), Cancelled (the exception class that a cancelled call
raises), LATE and VALUES, the texts of late.py and values.py. Compiling all of it would take a third of
the time of a start.
"""

import sys


def late(name, text="LATE"):
    """A function of late.py or values.py."""
    if name not in globals():
        exec(compile(globals()[text], "<pyhost>", "exec"), globals())
    return globals()[name]


def report(exc):
    return late("describe_exception")(exc)


def classify(cls):
    return late("kind_of", "VALUES")(cls)


def plain(kind, want, value):
    return late("plain_of", "VALUES")(kind, want, value)


def make(what, value):
    return late("make_value", "VALUES")(what, value)


def register(cls):
    return late("register_class", "VALUES")(cls)


def shutdown(grace):
    return late("end_all")(grace)


def configure(settings):
    """Applies Config. Called once, before any code of the program."""
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
    refuse_faulthandler()
    start_no_daemons()
    if sys.version_info < (3, 14):
        sys.meta_path.insert(0, Spawning)


def start_no_daemons():
    """A thread takes after the one that starts it, and those that Python did not start are daemons to
    it: but what a goroutine starts is to be waited for, as if the main thread had started it.
    """
    import threading

    init = threading._DummyThread.__init__

    def as_main(self):
        init(self)
        self._daemonic = False

    threading._DummyThread.__init__ = as_main


class Spawning:
    """Finds multiprocessing.context, whose default up to 3.13 is to fork, and makes it spawn."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "multiprocessing.context":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            spawn = module._concrete_contexts["spawn"]
            module._default_context = module.DefaultContext(spawn)

        spec.loader.exec_module = exec_module
        return spec


def refuse_faulthandler():
    """faulthandler replaces the handler by which Go recovers from a nil dereference."""
    import faulthandler

    def enable(*args, **kw):
        raise RuntimeError(
            "faulthandler.enable is refused inside a Go process: it replaces Go's signal handlers; "
            "faulthandler.dump_traceback works"
        )

    if faulthandler.is_enabled():  # by the environment; this brings Go's handlers back
        faulthandler.disable()
    faulthandler.enable = enable
    faulthandler.register = enable


def interruptible(ident):
    """Whether an exception may be raised in a thread: not in code that holds the locks of imports and
    of threading, which would stay held.
    """
    frame = sys._current_frames().get(ident)
    if frame is None:
        return True
    name = frame.f_code.co_filename
    return not name.startswith("<frozen ") and not name.endswith(("threading.py", "queue.py"))


def absorb():
    """Takes an exception that was set for this thread and has not been raised yet. It may come here,
    or at the call of this function."""
    try:
        for _ in (1, 2, 3):
            pass
    except Cancelled:
        pass


def same(value):
    return value


def new_namespace():
    return {"__builtins__": __builtins__, "__name__": "__namespace__"}
