"""What pyhost runs in each interpreter before the program's own code.

Given: native (functions made of C that call Go) and Cancelled (the exception class that a cancelled
call raises).
"""

import sys


def report(exc):
    """Everything that Go wants to know of an exception, as plain values."""
    import traceback

    seen = set()

    def text(value):
        try:
            return str(value)
        except Cancelled:
            raise
        except BaseException as e:
            return f"<str() of the exception raised {type(e).__name__}>"

    def class_name(cls):
        if cls.__module__ in ("builtins", "__main__"):
            return cls.__qualname__
        return f"{cls.__module__}.{cls.__qualname__}"

    def frames(tb):
        return [
            (f.filename, f.lineno or 0, f.name, f.line or "")
            for f in traceback.extract_tb(tb)
            if f.filename != "<pyhost>"
        ]

    def describe(e):
        seen.add(id(e))
        cause = e.__cause__
        if cause is None and not e.__suppress_context__:
            cause = e.__context__
        notes = getattr(e, "__notes__", None)
        return (
            [class_name(c) for c in type(e).__mro__ if c is not object],
            text(e),
            frames(e.__traceback__),
            [text(n) for n in notes] if isinstance(notes, (list, tuple)) else [],
            None if cause is None or id(cause) in seen else describe(cause),
            text(e.code) if isinstance(e, SystemExit) else None,
        )

    try:
        printed = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
    except Cancelled:
        raise
    except BaseException:
        printed = ""
    return describe(exc) + (printed,)


def streams(stdout, stderr):
    """Replaces the streams that the host takes over; the others are flushed at each line."""
    import io

    write = native["write"]

    class Stream(io.RawIOBase):
        def __init__(self, fd, name):
            self.fd, self.name, self.mode = fd, name, "wb"

        def writable(self):
            return True

        def write(self, data):
            return write(self.fd, bytes(data))

    def text(fd, name):
        raw = Stream(fd, name)
        return io.TextIOWrapper(
            raw, "utf-8", "surrogateescape" if fd == 1 else "backslashreplace",
            line_buffering=True, write_through=True,
        )

    for fd, name, ours in ((1, "stdout", stdout), (2, "stderr", stderr)):
        if ours:
            stream = text(fd, f"<{name}>")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        elif (stream := getattr(sys, name)) is not None:
            stream.reconfigure(line_buffering=True)


def configure(settings):
    """Applies Config: streams, path, environment. Called once, before any code of the program."""
    streams(settings["stdout"], settings["stderr"])
    if settings["cwd"]:
        sys.path.insert(0, "")
    sys.path[:0] = settings["path"]
    if settings["env"]:
        import os

        os.environ.update(settings["env"])
    refuse_faulthandler()


def refuse_faulthandler():
    """faulthandler replaces the handler by which Go recovers from a nil dereference."""
    import faulthandler

    def enable(*args, **kw):
        raise RuntimeError(
            "faulthandler.enable is refused inside a Go process: it replaces Go's signal handlers; "
            "faulthandler.dump_traceback works"
        )

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


def shutdown(grace):
    """Ends what would keep the interpreter from finishing: threads, then atexit handlers.

    Returns the names of the threads that did not end.
    """
    import time

    threading = sys.modules.get("threading")
    left = []
    if threading is not None:
        for call in reversed(getattr(threading, "_threading_atexits", [])):
            call()
        getattr(threading, "_threading_atexits", []).clear()
        left = join_threads(threading, time.monotonic() + grace)
    if not left:
        import atexit

        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    return left


def join_threads(threading, deadline):
    """Waits for Python's own threads, first kindly, then with SystemExit raised in them."""
    import time

    def alive():
        return [
            t for t in threading.enumerate()
            if t is not threading.main_thread() and not isinstance(t, threading._DummyThread)
        ]

    def wait(until):
        for t in alive():
            t.join(max(0.0, until - time.monotonic()))

    wait(time.monotonic() + (deadline - time.monotonic()) / 2)
    for t in alive():
        native["exit_thread"](t.ident)
    wait(deadline)
    return [t.name for t in alive()]
