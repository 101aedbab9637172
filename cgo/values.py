"""Values of classes that C does not know: compiled when the first one is met, into the same module
as bootstrap.py. The numbers are those of host.h: KIND_ of PY_K_*, WANT_ of PY_S_*, the first item
of what `plain` returns and the first argument of `make` of PY_V_*.

Modules are never imported to look at a value, only to make one: a value whose class is in a module
shows that the module is there.
"""

KIND_OBJECT, KIND_COMPLEX, KIND_SET, KIND_ITEM = range(4)
KIND_TIME, KIND_TEXT, KIND_BUFFER, KIND_CLASSES = range(4, 8)
WANT_TEXT, WANT_RATIO, WANT_UUID, WANT_DECIMAL, WANT_OBJECT = 3, 4, 5, 6, 11
PLAIN, TIME, DELTA, RATIO, UUID, DECIMAL, INSTANCE, MADE = range(8)

KINDS = {
    ("builtins", "complex"): KIND_COMPLEX,
    ("builtins", "set"): KIND_SET,
    ("builtins", "frozenset"): KIND_SET,
    ("builtins", "memoryview"): KIND_BUFFER,
    ("pyhost", "Buffer"): KIND_BUFFER,
    ("array", "array"): KIND_BUFFER,
    ("numpy", "ndarray"): KIND_BUFFER,
    ("numpy", "generic"): KIND_ITEM,
    ("enum", "Enum"): KIND_ITEM,
    ("datetime", "datetime"): KIND_TIME,
    ("datetime", "date"): KIND_TIME,
    ("datetime", "time"): KIND_TIME,
    ("datetime", "timedelta"): KIND_TIME,
    ("decimal", "Decimal"): KIND_TEXT,
    ("fractions", "Fraction"): KIND_TEXT,
    ("uuid", "UUID"): KIND_TEXT,
}

CLASSES = {}  # those that have been registered, and their numbers


def kind_of(cls):
    for c in type.__getattribute__(cls, "__mro__"):
        if c in CLASSES:
            return KIND_CLASSES + CLASSES[c]
        try:
            kind = KINDS.get((c.__module__, c.__qualname__))
        except Exception:  # a metaclass, or an unhashable module name, has its own mind
            return KIND_OBJECT
        if kind is not None:
            return kind
    return KIND_TEXT if hasattr(cls, "__fspath__") else KIND_OBJECT


def plain_of(kind, want, value):
    if kind == KIND_ITEM:
        return PLAIN, scalar(value)
    if kind == KIND_TIME:
        return plain_time(value)
    if want == WANT_TEXT:
        import os

        return PLAIN, os.fspath(value) if hasattr(value, "__fspath__") else str(value)
    name = [(c.__module__, c.__qualname__) for c in type(value).__mro__]
    if want == WANT_UUID and ("uuid", "UUID") in name:
        return UUID, value.bytes
    if want == WANT_DECIMAL and ("decimal", "Decimal") in name:
        return DECIMAL, str(value)
    if want == WANT_RATIO and hasattr(value, "as_integer_ratio"):
        return RATIO, value.as_integer_ratio()
    return None


def scalar(value):
    if hasattr(value, "item"):  # of numpy
        item = value.item()
        if isinstance(item, type(value)):  # longdouble and clongdouble give themselves
            return complex(item) if value.dtype.kind == "c" else float(item)
        return item
    return value.value


def plain_time(value):
    import datetime as d

    if isinstance(value, d.timedelta):
        return DELTA, (value.days * 86400 + value.seconds) * 10**6 + value.microseconds
    if isinstance(value, d.time):
        value = d.datetime.combine(d.date(1, 1, 1), value)
    elif not isinstance(value, d.datetime):
        value = d.datetime(value.year, value.month, value.day)
    offset = value.utcoffset()
    if offset is None:
        value, offset = value.replace(tzinfo=d.timezone.utc), d.timedelta(0)
    since = value - d.datetime(1970, 1, 1, tzinfo=d.timezone.utc)
    zone = "UTC" if value.tzinfo is d.timezone.utc else getattr(value.tzinfo, "key", None)
    return TIME, (
        (since.days * 86400 + since.seconds) * 10**6 + since.microseconds,
        offset.days * 86400 + offset.seconds,
        zone if isinstance(zone, str) else "",
    )


def make_value(what, value):
    if what == TIME:
        return make_time(*value)
    if what == DELTA:
        import datetime

        return datetime.timedelta(microseconds=value)
    if what == RATIO:
        import fractions

        return fractions.Fraction(*value)
    if what == UUID:
        import uuid

        return uuid.UUID(bytes=value)
    if what == DECIMAL:
        import decimal

        return decimal.Decimal(value)
    if what == INSTANCE:
        cls, fields = value
        return cls(**fields)
    if what == MADE:
        return late("MAKERS", "CALLBACKS")[value[0]](*value[1:])
    raise ValueError("malformed value buffer")


def make_time(since, offset, zone):
    import datetime as d

    fixed = d.timezone.utc if zone == "UTC" else d.timezone(d.timedelta(seconds=offset))
    utc = d.datetime(1970, 1, 1, tzinfo=d.timezone.utc) + d.timedelta(microseconds=since)
    if zone and zone != "UTC":
        try:
            import zoneinfo

            there = utc.astimezone(zoneinfo.ZoneInfo(zone))
            if there.utcoffset() == d.timedelta(seconds=offset):
                return there
        except (ImportError, ValueError, OSError, KeyError):  # no such zone here
            pass
    return utc.astimezone(fixed)


def register_class(cls):
    """Has instances of the class and of its subclasses come as what Go has registered for it."""
    if not isinstance(cls, type):
        raise TypeError(f"{cls!r} is not a class")
    return CLASSES.setdefault(cls, len(CLASSES))


def array_with_buffer(array):
    """An array of numpy over the same memory, for one whose dtype has no format (datetime64 is
    int64 then), or that has another protocol: __array_interface__ or __dlpack__. None if there is
    none, or if it would be a copy.
    """
    if not hasattr(array, "__array_interface__") and not hasattr(array, "__dlpack__"):
        return None
    import numpy

    view = array
    if not isinstance(array, numpy.ndarray):
        ours = hasattr(array, "__array_interface__")
        view = numpy.asarray(array) if ours else numpy.from_dlpack(array)
    if view.dtype.kind in "mM":
        view = view.view("i8")
    return view if view is not array and view.base is not None else None
