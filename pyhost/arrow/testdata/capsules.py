"""A producer and a consumer of Arrow's C data interface, in ctypes: record batches of int64 columns.

What is alive and what has been released is counted, so that tests see when that happens. No capsule
of these may be left when Python ends: what ends it is a ctypes callback, which has gone by then.
"""

import array
import ctypes as c
import threading

api = c.pythonapi
api.PyCapsule_New.restype = c.py_object
api.PyCapsule_New.argtypes = [c.c_void_p, c.c_char_p, c.c_void_p]
api.PyCapsule_GetPointer.restype = c.c_void_p
api.PyCapsule_GetPointer.argtypes = [c.py_object, c.c_char_p]


class ArrowSchema(c.Structure):
    pass


class ArrowArray(c.Structure):
    pass


class ArrowArrayStream(c.Structure):
    pass


RELEASE = c.CFUNCTYPE(None, c.c_void_p)
GET = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)
ERROR = c.CFUNCTYPE(c.c_void_p, c.c_void_p)

Buffers = c.POINTER(c.c_void_p)
Schemas, Arrays = c.POINTER(c.POINTER(ArrowSchema)), c.POINTER(c.POINTER(ArrowArray))

ArrowSchema._fields_ = [
    ("format", c.c_char_p), ("name", c.c_char_p), ("metadata", c.c_char_p), ("flags", c.c_int64),
    ("n_children", c.c_int64), ("children", Schemas),
    ("dictionary", c.c_void_p), ("release", RELEASE), ("private_data", c.c_void_p),
]
ArrowArray._fields_ = [
    ("length", c.c_int64), ("null_count", c.c_int64), ("offset", c.c_int64),
    ("n_buffers", c.c_int64), ("n_children", c.c_int64), ("buffers", Buffers),
    ("children", Arrays), ("dictionary", c.c_void_p),
    ("release", RELEASE), ("private_data", c.c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", GET), ("get_next", GET), ("get_last_error", ERROR), ("release", RELEASE),
    ("private_data", c.c_void_p),
]

alive = {}  # what the structs that are not released point to
released = []  # the kinds of those that were, with the thread that did it
serial = 0


def keep(struct, kind, *things):
    global serial
    serial += 1
    struct.private_data = serial
    struct.release = releasers[kind]
    alive[serial] = (struct, things)


def releaser(kind, cls):
    def release(address):
        struct = cls.from_address(address)
        released.append((kind, threading.get_ident()))
        alive.pop(struct.private_data)
        c.memset(address + cls.release.offset, 0, 8)

    return RELEASE(release)


releasers = {kind: releaser(kind, cls) for kind, cls in
             [("schema", ArrowSchema), ("array", ArrowArray), ("stream", ArrowArrayStream)]}


def marker(cls):
    """The release of a child: its parent frees what it has."""
    return RELEASE(lambda address: c.memset(address + cls.release.offset, 0, 8) and None)


release_schema, release_array = marker(ArrowSchema), marker(ArrowArray)


def fill_schema(s, names, formats=None):
    children = (ArrowSchema * len(names))()
    pointers = (c.c_void_p * len(names))(*[c.addressof(x) for x in children])
    for i, (child, name) in enumerate(zip(children, names)):
        child.format, child.name = (formats or {}).get(i, b"l"), name.encode()
        child.flags, child.release = 2, release_schema
    s.format, s.name = b"+s", b""
    s.n_children, s.children = len(names), c.cast(pointers, Schemas)
    keep(s, "schema", children, pointers)


def fill_array(a, columns):
    n = len(columns)
    children = (ArrowArray * n)()
    pointers = (c.c_void_p * n)(*[c.addressof(x) for x in children])
    things = [children, pointers]
    for child, column in zip(children, columns):
        buffers = (c.c_void_p * 2)(None, column.buffer_info()[0])
        child.length, child.n_buffers = len(column), 2
        child.buffers = c.cast(buffers, Buffers)
        child.release = release_array
        things += [buffers, column]
    none = (c.c_void_p * 1)()
    a.length, a.n_buffers, a.buffers = len(columns[0]) if n else 0, 1, c.cast(none, Buffers)
    a.n_children, a.children = n, c.cast(pointers, Arrays)
    keep(a, "array", none, *things)


blocks = {}  # of structs, by address, while their capsules live
names = {b"arrow_schema": ArrowSchema, b"arrow_array": ArrowArray,
         b"arrow_array_stream": ArrowArrayStream}
GetPointer = c.PYFUNCTYPE(c.c_void_p, c.c_void_p, c.c_char_p)(("PyCapsule_GetPointer", api))
GetName = c.PYFUNCTYPE(c.c_char_p, c.c_void_p)(("PyCapsule_GetName", api))


@c.PYFUNCTYPE(None, c.c_void_p)
def end_capsule(capsule):
    name = GetName(capsule)
    struct = blocks.pop(GetPointer(capsule, name))
    if struct.release:
        struct.release(c.addressof(struct))


def capsule(struct, name):
    blocks[c.addressof(struct)] = struct
    end = c.cast(end_capsule, c.c_void_p)
    return api.PyCapsule_New(c.addressof(struct), name, end)


class Batch:
    """Columns a, b, c... of the numbers."""

    def __init__(self, *columns):
        self.columns = [array.array("q", x) for x in columns]
        self.names = [chr(ord("a") + i) for i in range(len(columns))]
        self.formats = {}

    def addresses(self):
        return [x.buffer_info()[0] for x in self.columns]

    def __arrow_c_schema__(self):
        s = ArrowSchema()
        fill_schema(s, self.names, self.formats)
        return capsule(s, b"arrow_schema")

    def __arrow_c_array__(self, requested_schema=None):
        a = ArrowArray()
        fill_array(a, self.columns)
        return self.__arrow_c_schema__(), capsule(a, b"arrow_array")


class Stream:
    """A stream of what an iterable of Batches gives."""

    def __init__(self, batches, schema=None):
        self.batches, self.schema = batches, schema or Batch([0])

    def __arrow_c_stream__(self, requested_schema=None):
        iterator, error = iter(self.batches), c.create_string_buffer(256)

        def guard(get):
            def got(_, to):
                try:
                    get(to)
                    return 0
                except BaseException as e:
                    error.value = f"{type(e).__name__}: {e}".encode()[:255]
                    return 5

            return GET(got)

        def get_schema(to):
            fill_schema(ArrowSchema.from_address(to), self.schema.names)

        def get_next(to):
            batch = next(iterator, None)
            c.memset(to, 0, c.sizeof(ArrowArray))
            if batch is not None:
                fill_array(ArrowArray.from_address(to), batch.columns)

        s = ArrowArrayStream()
        s.get_schema, s.get_next = guard(get_schema), guard(get_next)
        s.get_last_error = ERROR(lambda _: c.addressof(error))
        keep(s, "stream", s.get_schema, s.get_next, s.get_last_error)
        return capsule(s, b"arrow_array_stream")


def put(name, value):
    globals()[name] = value


def same(x):
    return x


class Given:
    """An object whose methods give what they were given."""

    def __init__(self, array=None, stream=None, schema=None):
        for name, value in dict(array=array, stream=stream, schema=schema).items():
            if value is not None:
                setattr(self, f"__arrow_c_{name}__", lambda value=value: value)


def numbers(a):
    """The columns of an ArrowArray, and where they lie."""
    for i in range(a.n_children):
        child = a.children[i][0]
        at = child.buffers[1]
        yield at, list((c.c_int64 * child.length).from_address(at)) if child.length else []


def take(cap, name):
    """Moves the struct out of a capsule."""
    cls = names[name]
    at = api.PyCapsule_GetPointer(cap, name)
    struct = cls.from_buffer_copy(c.string_at(at, c.sizeof(cls)))
    if not struct.release:
        raise ValueError("consumed")
    c.memset(at + cls.release.offset, 0, 8)
    return struct


class Taken:
    """A batch of somebody else's, until it is let go."""

    def __init__(self, obj):
        schema, array = obj.__arrow_c_array__()
        self.schema, self.array = take(schema, b"arrow_schema"), take(array, b"arrow_array")

    def fields(self):
        children = self.schema.children
        return [(children[i][0].name.decode(), children[i][0].format.decode())
                for i in range(self.schema.n_children)]

    def columns(self):
        return [values for _, values in numbers(self.array)]

    def addresses(self):
        return [at for at, _ in numbers(self.array)]

    def close(self):
        for struct in self.schema, self.array:
            struct.release(c.addressof(struct))


def read(obj, call=lambda get, s, to: get(s, to)):
    """All the columns of all batches of a stream."""
    s = take(obj.__arrow_c_stream__(), b"arrow_array_stream")
    at = c.addressof(s)
    out = []
    try:
        while True:
            a = ArrowArray()
            if call(s.get_next, at, c.addressof(a)):
                raise OSError(c.string_at(s.get_last_error(at)).decode())
            if not a.release:
                return out
            out.append([values for _, values in numbers(a)])
            a.release(c.addressof(a))
    finally:
        s.release(at)


def read_attached(obj):
    """The same, by a consumer that does not let the GIL go."""
    attached = c.PYFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p)
    return read(obj, lambda get, s, to: attached(c.cast(get, c.c_void_p).value)(s, to))


def read_in_thread(obj):
    """The same, on a thread of Python's."""
    out = []
    t = threading.Thread(target=lambda: out.append(read(obj)))
    t.start()
    t.join()
    return out[0]
