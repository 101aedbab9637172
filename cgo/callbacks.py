"""Functions and classes of Go in Python: compiled when the first one is met, into the same module as
bootstrap.py.
"""


class GoError(RuntimeError):
    """What a Go function returned as its error, where no built-in exception stands for it."""

    __module__ = "pyhost"


class Panic(GoError):
    """A Go function panicked."""

    __module__ = "pyhost"


def exception_of(name, message, go_error, where):
    """The exception for an error of Go, which it carries, and the place of the function that returned it."""
    if name == "pyhost.Cancelled":
        cls = Cancelled
    else:
        cls = OWN.get(name) or getattr(__import__("builtins"), name, GoError)
    exc = make_exception(cls, message)
    exc.__go_error__ = go_error
    return exc, where


OWN = {"pyhost.GoError": GoError, "pyhost.Panic": Panic}


def make_exception(cls, message):
    try:
        exc = cls(message)
        if isinstance(exc, BaseException):
            return exc
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
        setattr(find_package(parent), last, package)
    return sys.modules.setdefault(name, package)


def make_class(spec):
    """A class for a struct type of Go: its instances hold the Go value, and nothing else."""
    new, same, hash_of = spec["new"], spec["same"], spec["hash"]
    methods, special = spec["methods"], spec["special"]
    adopt = native["adopt"]

    def __new__(cls, /, *args, **fields):
        value = new(*args, **fields)
        if type(value) is not cls:
            value = adopt(cls, value)
        return value

    def __repr__(self):
        parts = ", ".join(f"{f['name']}={getattr(self, f['name'])!r}" for f in spec["fields"])
        return f"{type(self).__qualname__}({parts})"

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
    for f in spec["fields"]:
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
        names["__eq__"] = lambda self, other: equal(self, other) if isinstance(other, cls) else NotImplemented
        names["__hash__"] = None  # what is equal need not be the same
    cls = type(spec["name"], (native["Value"],), names)
    return cls


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


class Taker:
    """An iterator that Go reads in batches."""

    def __init__(self, iterable):
        self.iterator = iter(iterable)
        self.items, self.error = (), None

    def take(self, n):
        import itertools

        self.items = items = []
        if self.error is not None:
            raise self.error
        try:
            items.extend(itertools.islice(self.iterator, n))
        except Cancelled:
            raise
        except BaseException as e:
            if not items:
                raise
            self.error = e
        return items, len(items) < n and self.error is None

    def close(self):
        import collections.abc

        if not isinstance(self.iterator, collections.abc.Generator):
            return
        try:
            self.iterator.close()
        except Cancelled:
            raise
        except BaseException as e:
            report_unraisable(e, self.iterator)


def report_unraisable(e, where):
    import types

    sys.unraisablehook(types.SimpleNamespace(
        exc_type=type(e), exc_value=e, exc_traceback=e.__traceback__,
        err_msg="Exception ignored while a loop was left", object=where))
