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
