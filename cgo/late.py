"""The part of bootstrap.py that is compiled when it is first needed, into the same module."""


def describe_exception(exc):
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


def take_streams(stdout, stderr):
    """Replaces the streams that the host takes over."""
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
            line_buffering=True,
        )

    for fd, name, ours in ((1, "stdout", stdout), (2, "stderr", stderr)):
        if ours:
            stream = text(fd, f"<{name}>")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def end_all(grace):
    """Ends what would keep the interpreter from finishing, in the order of Python's own end: threads,
    atexit handlers, daemon threads. Returns the names of the threads that did not end.
    """
    import atexit
    import threading

    end_executors(threading)
    end_threads(threading, grace / 2, grace, daemons=False)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # None, closed, or of the program's own kind
            pass
    end_threads(threading, grace / 8, grace / 4, daemons=False)  # that a handler has started
    return end_threads(threading, 0, grace / 4, daemons=True)


def end_executors(threading):
    """Calls what is to be called before threads are joined: concurrent.futures tells its own to end.
    It waits for them, which may be for ever: so it has a thread of its own.
    """
    calls = getattr(threading, "_threading_atexits", [])

    def run():
        while calls:
            try:
                calls.pop()()
            except Exception:
                sys.excepthook(*sys.exc_info())

    if calls:
        threading.Thread(target=run, name="end of executors", daemon=True).start()


def end_threads(threading, kindly, limit, daemons):
    """Waits for Python's own threads: first kindly, then with SystemExit raised in them again and
    again. Times are in seconds from now. Returns the names of those that did not end.
    """
    import time

    def alive():
        return [
            t for t in threading.enumerate()
            if t.is_alive() and (daemons or not t.daemon)
            and t is not threading.main_thread() and not isinstance(t, threading._DummyThread)
        ]

    def end(t):
        if isinstance(t, threading.Timer):
            t.cancel()
        else:
            native["exit_thread"](t.ident)

    start, step = time.monotonic(), (limit - kindly) / 4  # time to tidy up in
    while (threads := alive()) and (now := time.monotonic() - start) < limit:
        if now < kindly:
            threads[0].join(kindly - now)
            continue
        for t in threads:
            end(t)
        threads[0].join(min(step, limit - now))
        step *= 2
    return [t.name for t in threads]
