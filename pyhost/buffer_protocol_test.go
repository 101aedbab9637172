package pyhost_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// Python itself is asked what a buffer of that format and shape gives for each request.
const requests = `
import ctypes, itertools
class Request(ctypes.Structure):
    _fields_ = [("buf", ctypes.c_void_p), ("obj", ctypes.c_void_p), ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t), ("readonly", ctypes.c_int), ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p), ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)), ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p)]
get_buffer, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
get_buffer.argtypes = ctypes.py_object, ctypes.POINTER(Request), ctypes.c_int
release.argtypes, release.restype = [ctypes.POINTER(Request)], None
WRITABLE, FORMAT, ND, STRIDES, C, F, ANY, INDIRECT = 1, 4, 8, 0x18, 0x38, 0x58, 0x98, 0x118

def ask(o, flags):
    r = Request(obj=1)
    try:
        get_buffer(o, r, flags)
    except BufferError:
        assert not r.obj
        return "BufferError"
    try:
        assert r.obj == id(o)
        return (r.len, r.itemsize, r.readonly, r.ndim, r.format,
            r.shape[: r.ndim] if r.shape else None, r.strides[: r.ndim] if r.strides else None,
            r.suboffsets)
    finally:
        release(r)

def compare(buffer, raw, format, shape, writable):
    like = memoryview(bytearray(raw) if writable else bytes(raw))
    if format != "B" or len(shape) != 1:
        like = like.cast(format, shape)
    names = WRITABLE, FORMAT, ND, STRIDES, C, F, ANY, INDIRECT
    n = 0
    for few in itertools.product((0, 1), repeat=len(names)):
        flags = 0
        for flag, on in zip(names, few):
            flags |= flag * on
        if flags & FORMAT and not flags & ND:
            continue
        want, got = ask(like, flags), ask(buffer, flags)
        assert want == got, (hex(flags), want, got)
        n += 1
    return n

def format_alone(buffer):
    return ask(buffer, FORMAT)
`

func TestBufferRequests(t *testing.T) {
	mustExec(t, requests)
	data := make([]byte, 48)
	compare := func(b *pyhost.Buffer, format string, writable bool, shape ...int) {
		n, err := pyhost.Call[int](bg, rt, "compare", b, data, format,
			append([]int{}, shape...), writable)
		require.NoError(t, err, "%v %+v", shape, err)
		require.Greater(t, n, 100)
		require.NoError(t, b.Close())
	}
	floats := unsafe.Slice((*float64)(unsafe.Pointer(&make([]byte, 48)[0])), 6)
	compare(mustBuffer(t, floats), "d", false, 6)
	compare(mustWritable(t, floats), "d", true, 6)
	compare(mustBuffer(t, floats, 2, 3), "d", false, 2, 3)
	compare(mustWritable(t, floats, 2, 3), "d", true, 2, 3)
	compare(mustBuffer(t, floats, 1, 6, 1), "d", false, 1, 6, 1)
	compare(mustBuffer(t, data), "B", false, 48)
	compare(mustBuffer(t, data, 4, 12), "B", false, 4, 12)
	data = data[:8]
	compare(mustWritable(t, floats[:1], []int{}...), "d", true)

	got, err := pyhost.Call[any](bg, rt, "format_alone", mustBuffer(t, floats))
	require.NoError(t, err)
	require.Equal(t, "BufferError", got, "bytes have no such format")
	got, err = pyhost.Call[any](bg, rt, "format_alone", mustBuffer(t, data))
	require.NoError(t, err)
	require.IsType(t, pyhost.Tuple{}, got)
}

// What takes bytes takes a Buffer.
func TestBufferTakers(t *testing.T) {
	data := []byte(strings.Repeat("wine, women and song ", 1000))
	b := mustBuffer(t, data)
	path := filepath.Join(t.TempDir(), "out")
	mustExec(t, "import hashlib, zlib, struct, io, array, base64, re\ndef takers(b, path, raw):\n"+
		"  assert hashlib.sha256(b).digest() == hashlib.sha256(raw).digest()\n"+
		"  assert zlib.decompress(zlib.compress(b)) == raw\n"+
		"  assert struct.unpack_from('<4s', b, 6) == (b'wome',)\n"+
		"  with open(path, 'wb') as f: f.write(b)\n"+
		"  with open(path, 'ab', buffering=0) as f: f.write(b)\n"+
		"  assert bytes(b) == raw and bytearray(b) == raw and b''.join([b, b]) == raw + raw\n"+
		"  assert io.BytesIO(b).read() == raw\n"+
		"  a = array.array('B')\n  a.frombytes(b)\n  assert a.tobytes() == raw\n"+
		"  assert base64.b64decode(base64.b64encode(b)) == raw\n"+
		"  assert re.search(b'song', b).start() == 16\n"+
		"  assert raw.startswith(bytes(memoryview(b)[:4])) and memoryview(b) == raw")
	require.NoError(t, rt.Call(bg, "takers", nil, b, path, data))
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(data)+string(data), string(written))
	letGo(t)
	require.NoError(t, b.Close())
}

// Python cannot make a Buffer, change its type or pickle it.
func TestBufferClass(t *testing.T) {
	mustExec(t, "import copy, pickle\ndef misuse(b):\n"+
		"  cls, out = type(b), []\n"+
		"  def attempt(f):\n"+
		"    try: f(); out.append(f.__name__)\n"+
		"    except TypeError: pass\n"+
		"  def make(): cls()\n  def new(): object.__new__(cls)\n"+
		"  def change(): cls.x = 1\n  def assign(): b.__class__ = object\n"+
		"  def derive(): type('d', (cls,), {})\n"+
		"  def clone(): copy.copy(b)\n  def dump(): pickle.dumps(b)\n"+
		"  for f in make, new, change, assign, derive, clone, dump: attempt(f)\n"+
		"  return out, cls.__module__ + '.' + cls.__qualname__")
	got, err := pyhost.Call[pyhost.Tuple](bg, rt, "misuse", mustBuffer(t, []byte("x")))
	require.NoError(t, err)
	require.Equal(t, pyhost.Tuple{[]any{}, "pyhost.Buffer"}, got)
}
