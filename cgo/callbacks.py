"""Functions and classes of Go in Python: compiled when the first one is met, into the same module
as bootstrap.py.
"""

from _weakrefset import WeakSet


class GoError(RuntimeError):
    """What a Go function returned as its error, where no built-in exception stands for it."""

    __module__ = "pyhost"


class Panic(GoError):
    """A Go function panicked."""

    __module__ = "pyhost"


def exception_of(name, message, go_error, where):
    """The exception for an error of Go, which it carries, and the place of the function that
    returned it.
    """
    if name == "pyhost.Cancelled":
        cls = Cancelled
    else:
        cls = OWN.get(name) or getattr(__import__("builtins"), name, GoError)
    exc = make_exception(cls, message)
    exc.__go_error__ = go_error
    return exc, where


OWN = {"pyhost.GoError": GoError, "pyhost.Panic": Panic}


def make_exception(cls, message):
    if not (isinstance(cls, type) and issubclass(cls, BaseException)):
        return GoError(message)
    try:
        return cls(message)
    except Exception:  # UnicodeDecodeError wants more than a text
        pass
    return GoError(message)


def signature_of(text):
    import inspect

    names = {}
    exec(f"def f{text}: pass", names)
    return inspect.signature(names["f"])


def make_module(name, members):
    import importlib.util
    import types

    parent, _, last = name.rpartition(".")
    there = name in sys.modules
    if parent:
        package = find_package(parent)
        there = there or hasattr(package, last)
    if there or (not parent and importlib.util.find_spec(name)):
        raise ImportError(f"there is a module {name} already", name=name)
    module = types.ModuleType(name)
    vars(module).update(members)
    sys.modules[name] = module
    if parent:
        setattr(package, last, module)


def find_package(name):
    import importlib
    import types

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        if not f"{name}.".startswith(f"{e.name}."):
            raise
    package = types.ModuleType(name)
    package.__path__ = []
    parent, _, last = name.rpartition(".")
    if parent:
        outer = find_package(parent)
        if hasattr(outer, last):
            raise ImportError(f"{name} is there already, and no module", name=name)
        setattr(outer, last, package)
    return sys.modules.setdefault(name, package)


def make_class(spec):
    """A class for a struct type of Go: its instances hold the Go value, and nothing else."""
    import _thread

    new, same, hash_of = spec["new"], spec["same"], spec["hash"]
    fields, methods, special = spec["fields"] or (), spec["methods"], spec["special"]
    adopt = native["adopt"]

    def __new__(cls, /, *args, **fields):
        value = new(*args, **fields)
        if type(value) is not cls:
            value = adopt(cls, value)
        return value

    under_way = set()  # threads, and values whose repr they make: one may lead to itself

    def __repr__(self):
        key = _thread.get_ident(), hash_of(self)
        if key in under_way:
            return f"{type(self).__qualname__}(...)"
        under_way.add(key)
        try:
            parts = ", ".join(f"{f['name']}={getattr(self, f['name'])!r}" for f in fields)
            return f"{type(self).__qualname__}({parts})"
        finally:
            under_way.discard(key)

    def __eq__(self, other):
        return same(self, other) if isinstance(other, cls) else NotImplemented

    def __reduce_ex__(self, protocol):
        raise TypeError(f"cannot pickle or copy {type(self).__qualname__!r}, a value of Go")

    def getitem_ok(self, key):
        value, ok = methods["Get"](self, key)
        if not ok:
            raise KeyError(key)
        return value

    def enter(self):
        return self

    def leave(self, *exc):
        methods["Close"](self)

    names = {
        "__slots__": (), "__module__": spec["module"], "__doc__": spec["doc"] or None,
        "__new__": __new__, "__repr__": __repr__, "__eq__": __eq__, "__hash__": hash_of,
        "__reduce_ex__": __reduce_ex__, "__signature__": new.__signature__,
    }
    for f in fields:
        names[f["name"]] = property(f["get"], f["set"])
    names.update(methods)
    meanings = {
        "string": ("__str__", "__repr__"), "error": ("__str__",), "len": ("__len__",),
        "all": ("__iter__",), "get": ("__getitem__",), "set": ("__setitem__",),
        "delete": ("__delitem__",), "contains": ("__contains__",), "call": ("__call__",),
    }
    for method, kind in special.items():
        for name in meanings.get(kind, ()):
            names[name] = methods[method]
    if "get_ok" in special.values():
        names["__getitem__"] = getitem_ok
    if "Close" in special:
        names["__enter__"], names["__exit__"] = enter, leave
    if "Equal" in special:
        equal = methods["Equal"]
        names["__eq__"] = lambda self, other: (
            equal(self, other) if isinstance(other, cls) else NotImplemented)
        names["__hash__"] = None  # what is equal need not be the same
    cls = type(spec["name"], (native["Value"],), names)
    return cls


LEFT_OPEN = WeakSet()


def left_open(thing):
    LEFT_OPEN.add(thing)
    return thing


def close_left_open():
    """Closes files and generators of Go that are there still, while Go can be called; first what
    writes to them, such as a text file, which may have something to write.
    """
    left = list(LEFT_OPEN)
    for thing in files_over(left) + left:
        try:
            thing.close()
        except BaseException as e:
            native["unraisable"](e, thing)


def files_over(files):
    """The open files that read or write those, outermost first."""
    import _io
    import gc

    def lower(file):
        for name in "buffer", "raw", "fileobj", "_fp":
            try:
                yield id(getattr(file, name))
            except Exception:  # it has none, or was detached
                pass

    found, more = [], files
    others = [o for o in gc.get_objects() if _io._IOBase in type(o).__mro__] if files else []
    while more:
        below = {id(f) for f in more}
        others = [o for o in others if id(o) not in below]
        more = [o for o in others if below.intersection(lower(o))]
        found = more + found
    return found


def iterate(next_item, stop):
    """A generator over a sequence of Go."""
    try:
        while True:
            more, value = next_item()
            if not more:
                return
            yield value
    finally:
        stop()


class Batch(list):
    """Items on their way to Go: those before one that has no form there are not lost."""

    __slots__ = ("pyhost_failed",)


class Taker:
    """An iterator that Go reads in batches."""

    def __init__(self, iterable):
        self.iterator = iter(iterable)
        self.error = None

    def take(self, n):
        import itertools

        if self.error is not None:
            raise self.error
        items = Batch()
        items.pyhost_failed = self.fail
        try:
            items.extend(itertools.islice(self.iterator, n))
        except Cancelled:
            raise
        except BaseException as e:
            if not items:
                raise
            self.error = e
        return items, len(items), len(items) < n and self.error is None

    def fail(self, error):
        if isinstance(error, Cancelled):
            raise error
        self.error = error

    def close(self):
        import collections.abc

        if not isinstance(self.iterator, collections.abc.Generator):
            return
        try:
            self.iterator.close()
        except Cancelled:
            raise
        except BaseException as e:
            native["unraisable"](e, self.iterator)


def make_file(name, read, write, seek, close):
    """A binary file object over Go's io interfaces; each of the functions may be None."""
    import io

    class File(io.RawIOBase):
        def __init__(self):
            self.name = name

        def readable(self):
            return read is not None

        def writable(self):
            return write is not None

        def seekable(self):
            return seek is not None

        def readinto(self, buffer):
            if read is None:
                raise io.UnsupportedOperation("not readable")
            buffer = memoryview(buffer).cast("B")
            data = read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

        def write(self, data):
            if write is None:
                raise io.UnsupportedOperation("not writable")
            return write(bytes(data))

        def seek(self, offset, whence=0):
            if seek is None:
                raise io.UnsupportedOperation("not seekable")
            return seek(offset, whence)

        def close(self):
            if not self.closed:
                super().close()
                if close is not None:
                    close()

    file = File()
    if read and write:
        file = io.BufferedRandom(file) if seek else io.BufferedRWPair(file, file)
    else:
        file = io.BufferedReader(file) if read else io.BufferedWriter(file)
    return left_open(file)


class ArrowSchema:
    """A schema of Arrow's that Go offers by the capsules of the C data interface."""

    __slots__ = ("_export", "_drop")
    __module__ = "pyhost"

    def __init__(self, export, drop):
        self._export, self._drop = export, drop

    def __del__(self):
        try:
            self._drop()
        except RuntimeError as e:
            if type(e) is not RuntimeError:  # that one says that the runtime is closed
                raise

    def __arrow_c_schema__(self):
        return self._export("schema")


class ArrowStream(ArrowSchema):
    """A stream of record batches, which can be taken once."""

    __slots__ = ()
    __module__ = "pyhost"

    def __arrow_c_stream__(self, requested_schema=None):
        return self._export("stream")


class ArrowBatch(ArrowStream):
    """A record batch; as a stream, one of a single batch. It can be taken any number of times."""

    __slots__ = ()
    __module__ = "pyhost"

    def __arrow_c_array__(self, requested_schema=None):
        return self._export("array")


MAKERS = {"iterate": lambda *functions: left_open(iterate(*functions)), "file": make_file,
          "arrow_schema": ArrowSchema, "arrow_stream": ArrowStream, "arrow_batch": ArrowBatch}


def read_file(file, n):
    data = (getattr(file, "read1", None) or file.read)(n)
    if isinstance(data, str):
        raise TypeError("a text file: its .buffer is what bytes are read from")
    if data is None:
        raise BlockingIOError("a file in non-blocking mode has nothing to read")
    return data


def write_file(file, data):
    n = file.write(data)
    return len(data) if n is None else n


def log_to(emit, level):
    """Has the root logger send its records to Go; None takes it back."""
    import logging

    root = logging.getLogger()
    for handler in [h for h in root.handlers if hasattr(h, "goes_to_go")]:
        root.removeHandler(handler)
        root.setLevel(handler.level_before)
    if emit is None:
        return

    standard = set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime"}

    class Handler(logging.Handler):
        goes_to_go = True
        level_before = root.level

        def handle(self, record):  # without the lock, which would be held while Go runs
            passed = self.filter(record)
            if passed:  # from 3.12 on a filter may give another record
                self.emit(passed if isinstance(passed, logging.LogRecord) else record)

        def emit(self, record):
            try:
                exc = record.exc_info and record.exc_info[1]
                emit((
                    record.levelno, record.getMessage(), record.created, record.name,
                    record.pathname, record.lineno, record.funcName or "",
                    late("describe_exception")(exc) if exc else None,
                    {str(k): as_plain(v, True)
                     for k, v in vars(record).items() if k not in standard},
                ))
            except Exception:
                self.handleError(record)

    late("describe_exception")
    root.addHandler(Handler())
    root.setLevel(level)
