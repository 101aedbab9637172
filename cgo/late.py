"""The part of bootstrap.py that is compiled when it is first needed, into the same module."""


MOST = 100  # exceptions of a chain, or of a group, that are told of


def describe_exception(exc):
    """Everything that Go wants to know of an exception, as plain values: a flat tuple for it, with
    such tuples for the exceptions behind it, and what Python prints at the end of the outermost
    one. The program's own code (str, properties, metaclasses) has its say in it, so anything may go
    wrong.
    """
    import traceback

    try:
        printed = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
    except Cancelled:
        raise
    except BaseException:
        printed = ""
    return describe_chain(traceback, exc, set()) + (printed,)


def attempt(fn, otherwise):
    try:
        return fn()
    except Cancelled:
        raise
    except BaseException:
        return otherwise


def describe_chain(traceback, exc, seen):
    chain = []
    while exc is not None and id(exc) not in seen and len(seen) < MOST:
        seen.add(id(exc))
        cause = attempt(lambda: exc.__cause__, None)
        implicit = cause is None
        if implicit and not attempt(lambda: exc.__suppress_context__, True):
            cause = attempt(lambda: exc.__context__, None)
        chain.append(describe_one(traceback, exc, seen) + (implicit,))
        exc = cause if isinstance(cause, BaseException) else None
    described = None
    for d in reversed(chain):
        described = d + (described,)
    return described


def describe_one(traceback, e, seen):
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

    def position(line, end_line, column, end_column):
        return (line or 0, end_line or 0, *(-1 if c is None else c for c in (column, end_column)))

    def frames():
        return [
            (f.filename, f.name, f.line or "") + position(
                f.lineno, *(getattr(f, a, None) for a in ("end_lineno", "colno", "end_colno")))
            for f in traceback.extract_tb(e.__traceback__)
            if f.filename != "<pyhost>"
        ]

    def syntax():
        if not isinstance(e, SyntaxError) or e.lineno is None:
            return None
        column, end = ((c or 0) - 1 for c in (e.offset, getattr(e, "end_offset", None)))
        return (e.filename or "", "", (e.text or "").rstrip("\n")) + position(
            e.lineno, getattr(e, "end_lineno", None), column, max(end, -1))

    def go_error():
        value = vars(e).get("__go_error__")
        cls = type(value)
        return value if (cls.__module__, cls.__name__) == ("pyhost", "Value") else None

    notes = attempt(lambda: e.__notes__, None)
    group = attempt(lambda: e.exceptions, ()) if type(e).__name__.endswith("Group") else ()
    classes = attempt(lambda: [class_name(c) for c in type(e).__mro__ if c is not object], None)
    if classes is None:  # no stack left, or a strange metaclass: the bare name says more
        raise RuntimeError
    return (
        classes,
        text(e),
        attempt(frames, []),
        [text(n) for n in notes] if isinstance(notes, (list, tuple)) else [],
        attempt(lambda: "" if e.code is None else text(e.code), "")
        if isinstance(e, SystemExit) else None,
        [describe_chain(traceback, m, seen) for m in group if isinstance(m, BaseException)],
        attempt(lambda: [as_plain(a, True) for a in e.args[:MOST]], []),
        attempt(lambda: attributes(e), {}),
        attempt(syntax, None),
        attempt(go_error, None),
    )


NOT_PLAIN = object()


def as_plain(value, told, depth=3):
    """The value if it is one that outlives the interpreter; else its repr, if it is to be told."""
    if value is None or type(value) in (bool, int, float, complex):
        return value
    if type(value) in (str, bytes):
        return value if len(value) < 1 << 16 else value[: 1 << 16]
    if type(value) in (list, tuple) and depth and len(value) <= MOST:
        items = [as_plain(v, told, depth - 1) for v in value]
        return NOT_PLAIN if NOT_PLAIN in items else type(value)(items)
    if type(value) is dict and depth and len(value) <= MOST and all(type(k) is str for k in value):
        items = {k: as_plain(v, told, depth - 1) for k, v in value.items()}
        return NOT_PLAIN if NOT_PLAIN in items.values() else items
    if not told:
        return NOT_PLAIN
    return attempt(lambda: repr(value)[:1000], f"<{type(value).__name__}>")


def attributes(e):
    """What is said of the exception by name: in its __dict__ or, by built-in classes, in their
    slots.
    """
    found = {}
    for cls in type(e).__mro__:
        for name, d in vars(cls).items():
            if type(d).__name__ in ("member_descriptor", "getset_descriptor"):
                found.setdefault(name, attempt(lambda: getattr(e, name), NOT_PLAIN))
    found.update(vars(e))
    plain = {k: as_plain(v, False) for k, v in found.items()
             if not k.startswith("__") and k not in ("args", "print_file_and_line")}
    return {k: v for k, v in plain.items() if v is not NOT_PLAIN}


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
    """Ends what would keep the interpreter from finishing, in the order of Python's own end:
    threads, atexit handlers, daemon threads. Returns the names of the threads that did not end.
    """
    import atexit

    free_queued()  # it may have threads, which end then
    end_executors()
    end_threads(grace / 2, grace, daemons=False)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # None, closed, or of the program's own kind
            pass
    end_threads(grace / 8, grace / 4, daemons=False)  # that a handler has started
    left = end_threads(0, grace / 4, daemons=True)
    if not left and "close_left_open" in globals():
        close_left_open()
    free_queued()  # while Go can be called
    return left


def free_queued():
    """What is queued for other threads, and what that lets go of: see tidy. Not in
    sub-interpreters: 3.13 hangs where many of them collect at once.
    """
    for _ in (1, 2) if FREE_THREADED and tidies else ():
        tidy(True)


def end_executors():
    """Calls what is to be called before threads are joined: concurrent.futures tells its own to
    end. It waits for them, which may be for ever: so it has a thread of its own.
    """
    threading = sys.modules.get("threading")
    calls = getattr(threading, "_threading_atexits", [])

    def run():
        while calls:
            try:
                calls.pop()()
            except Exception:
                sys.excepthook(*sys.exc_info())

    if calls:
        threading.Thread(target=run, name="end of executors", daemon=True).start()


def end_threads(kindly, limit, daemons):
    """Waits for Python's own threads: first kindly, then with SystemExit raised in them again and
    again. Times are in seconds from now. Returns the names of those that did not end.
    """
    threading = sys.modules.get("threading")
    if threading is None:  # there are none
        return []
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


def audit(settings):
    """Applies Config.Audit. A hook is never taken away."""
    import _thread

    rules, fd, told = settings["rules"], settings["fd"], settings["report"]
    write = __import__("posix").write if fd else native["write"]
    known, local = {}, _thread._local()

    def best(patterns, text):
        found, size = 0, -1
        for pattern, action in patterns:
            exact = not pattern.endswith("*")
            if text == pattern if exact else text.startswith(pattern[:-1]):
                if len(pattern) + exact > size:
                    found, size = action, len(pattern) + exact
        return found, size >= 0

    def compiled(event):
        plain = [(name, action) for name, action in rules.items() if ":" not in name]
        apart = [(name.partition(":")[2], action) for name, action in rules.items()
                 if name.startswith(event + ":")]
        return best(plain, event)[0], apart

    def text(value):
        if type(value) is str:
            return value
        if type(value) is bytes:
            return value.decode("utf-8", "replace")
        return attempt(lambda: repr(value), f"<{type(value).__name__}>")

    def net(data):
        return b"%d:%b," % (len(data), data)

    def report(event, args, denied):
        parts = [event, "1" if denied else "0", *(text(a)[:300] for a in args[:8])]
        data = net(b"".join(net(p.encode("utf-8", "replace")) for p in parts))
        write(fd or 3, data)

    def hook(event, args):
        rule = known.get(event)
        if rule is None:
            rule = known[event] = compiled(event)
        action, apart = rule
        if (action == 0 and not apart) or getattr(local, "inside", False):
            return
        local.inside = True
        try:
            if apart and args:
                found, any = best(apart, text(args[0]))
                action = found if any else action
            if action and told:
                report(event, args, action == 2)
            what = event
            if args and type(args[0]) in (str, bytes):
                what = f"{event} of {text(args[0])[:100]!r}"
        finally:
            local.inside = False
        if action == 2:
            raise PermissionError(f"{what} is denied by the audit policy of the program")

    sys.addaudithook(hook)
