package pyhost_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

type closer struct {
	io.Writer
	closed int
}

func (c *closer) Close() error { c.closed++; return nil }

func TestGoFilesInPython(t *testing.T) {
	text := strings.Repeat("grüße\n", 20_000)
	mustExec(t, `
import io, gzip, json, tarfile
def lines(f): return [l for l in io.TextIOWrapper(f, "utf-8")]
def read(f, n=-1): return f.read(n)
def write(f, data):
    with f: f.write(data)
def compress(src, dst):
    with gzip.GzipFile(fileobj=dst, mode="wb") as z:
        while chunk := src.read(1000): z.write(chunk)
    dst.flush()
`)
	got, err := pyhost.Call[[]string](bg, rt, "lines", pyhost.File{IO: strings.NewReader(text)})
	require.NoError(t, err)
	require.Equal(t, strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")[:5], got[:5])
	require.Len(t, got, 20_000)
	for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader("abc")),
		iotest.DataErrReader(strings.NewReader("abc")),
		iotest.HalfReader(strings.NewReader("abc"))} {
		b, err := pyhost.Call[[]byte](bg, rt, "read", pyhost.File{IO: r})
		require.NoError(t, err)
		require.Equal(t, "abc", string(b))
	}
	_, err = pyhost.Call[[]byte](bg, rt, "read", pyhost.File{IO: iotest.TimeoutReader(
		iotest.OneByteReader(strings.NewReader("abc")))})
	require.ErrorIs(t, err, iotest.ErrTimeout)
	broken := errors.New("broken")
	_, err = pyhost.Call[[]byte](bg, rt, "read", pyhost.File{IO: iotest.ErrReader(broken)})
	require.ErrorIs(t, err, broken)

	var plain, packed bytes.Buffer
	out := &closer{Writer: &plain}
	require.NoError(t, rt.Call(bg, "write", nil, pyhost.File{IO: out}, []byte(text)))
	require.Equal(t, text, plain.String())
	require.Equal(t, 1, out.closed)
	require.NoError(t, rt.Call(bg, "compress", nil, pyhost.File{IO: strings.NewReader(text)},
		pyhost.File{IO: &closer{Writer: &packed}}))
	require.Less(t, packed.Len(), 1000)

	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	require.NoError(t, err)
	at, err := pyhost.Call[int](bg, rt, "write_and_tell", pyhost.File{IO: f, Name: "x"})
	require.ErrorIs(t, err, pyhost.NameError)
	require.Zero(t, at)
	mustExec(t, `
def write_and_tell(f):
    f.write(b"0123456789"); f.seek(4)
    assert f.read(2) == b"45" and f.name == "x" and f.seekable()
    return f.tell()
`)
	at, err = pyhost.Call[int](bg, rt, "write_and_tell", pyhost.File{IO: f, Name: "x"})
	require.NoError(t, err)
	require.Equal(t, 6, at)
	require.ErrorIs(t, f.Close(), os.ErrClosed) // Python has dropped the file, and so closed it
	_, err = pyhost.Call[[]byte](bg, rt, "read", pyhost.File{IO: io.Discard})
	require.ErrorContains(t, err, "read")
	require.ErrorContains(t, rt.Call(bg, "read", nil, pyhost.File{IO: 1}), "neither")
}

func TestPythonFilesInGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	var ref *pyhost.Ref
	require.NoError(t, rt.Call(bg, "open", &ref, path, "wb+"))
	f := pyhost.FileOf(bg, ref)
	data := bytes.Repeat([]byte("0123456789"), 50_000)
	n, err := io.Copy(f, bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, int64(len(data)), n)
	at, err := f.Seek(5, io.SeekStart)
	require.NoError(t, err)
	require.Equal(t, int64(5), at)
	back, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, data[5:], back)
	require.NoError(t, f.(io.Closer).Close())
	onDisk, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, data, onDisk)
	_, err = f.Read(make([]byte, 1))
	require.Error(t, err)

	mustExec(t, "import io")
	require.NoError(t, rt.Eval(bg, "io.BytesIO(b'0123456789')", &ref))
	require.NoError(t, iotest.TestReader(pyhost.FileOf(bg, ref), []byte("0123456789")))
	require.NoError(t, rt.Eval(bg, "io.StringIO('text')", &ref))
	_, err = io.ReadAll(pyhost.FileOf(bg, ref))
	require.ErrorIs(t, err, pyhost.TypeError)
	_, err = io.ReadAll(pyhost.FileOf(bg, nil))
	require.Error(t, err)
}

// eager gives io.EOF with the last bytes.
type eager struct {
	io.Reader
	io.Seeker
}

func TestFileReadTwice(t *testing.T) {
	s := strings.NewReader("abc")
	mustExec(t, `
def read_twice(f):
    raw = f.raw
    first = raw.read(10)
    raw.seek(0)
    return first + raw.read(10)
`)
	got, err := pyhost.Call[[]byte](bg, rt, "read_twice",
		pyhost.File{IO: eager{iotest.DataErrReader(s), s}})
	require.NoError(t, err)
	require.Equal(t, "abcabc", string(got))
}

type idle struct{}

func (idle) Write([]byte) (int, error) { return 0, nil }

func TestFileThatTakesNothing(t *testing.T) {
	mustExec(t, "def write_all(f): f.write(b'abc'); f.flush()")
	ctx, stop := context.WithTimeout(bg, 10*time.Second)
	defer stop()
	err := rt.Call(ctx, "write_all", nil, pyhost.File{IO: idle{}})
	require.ErrorIs(t, err, io.ErrShortWrite)
}

// An *os.File has a Seek that fails where it is a pipe, as standard input may be.
func TestFileOfAPipe(t *testing.T) {
	mustExec(t, `
import io, array
def text_of(f):
    assert not f.seekable()
    return [line for line in io.TextIOWrapper(f)]
def print_to(f):
    with io.TextIOWrapper(f, line_buffering=True) as out: print("hello", file=out)
`)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, rt.Call(bg, "print_to", nil, pyhost.File{IO: w}))
	lines, err := pyhost.Call[[]string](bg, rt, "text_of", pyhost.File{IO: r})
	require.NoError(t, err)
	require.Equal(t, []string{"hello\n"}, lines)
}

func TestFileReadIntoNumbers(t *testing.T) {
	mustExec(t, `
import array
def numbers(f):
    a = array.array("h", [0, 0, 0])
    return f.raw.readinto(a), a.tolist()
`)
	got, err := pyhost.Call[[]any](bg, rt, "numbers",
		pyhost.File{IO: strings.NewReader("\x01\x00\x02\x00")})
	require.NoError(t, err)
	require.Equal(t, []any{int64(4), []any{int64(1), int64(2), int64(0)}}, got)
}
