package pyhost

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pyhost/pyhost/cgo"
)

// File is a binary file object of Python's over an io.Reader, an io.Writer or both: what IO
// implements of io.Reader, io.Writer, io.Seeker and io.Closer, the file can do. Seek is asked for
// the place first: as that of a pipe fails, the file cannot seek. It is buffered, as files that
// open returns are; io.TextIOWrapper makes a text file of it. Python closes IO with the file, or
// when it drops it, or when the runtime is closed: then after the files that write to it, whose
// buffers reach it so.
//
//	n, err := pyhost.Call[int](ctx, rt, "shutil.copyfileobj", pyhost.File{IO: resp.Body}, out)
type File struct {
	IO   any
	Name string // its name attribute
}

// MarshalPython makes the file object.
func (f File) MarshalPython() (any, error) {
	r, _ := f.IO.(io.Reader)
	w, _ := f.IO.(io.Writer)
	if r == nil && w == nil {
		return nil, fmt.Errorf("%T is neither an io.Reader nor an io.Writer", f.IO)
	}
	var read, write, seek, shut any
	in := &reader{r: r}
	if r != nil {
		read = in.read
	}
	if w != nil {
		write = writer{w}.write
	}
	if s, ok := f.IO.(io.Seeker); ok && canSeek(s) {
		seek = func(offset int64, whence int) (int64, error) {
			if offset != 0 || whence != io.SeekCurrent { // not where that ended or failed
				in.err = nil
			}
			return s.Seek(offset, whence)
		}
	}
	if c, ok := f.IO.(io.Closer); ok {
		shut = c.Close
	}
	return cgo.Made{By: "file", Args: []any{f.Name, read, write, seek, shut}}, nil
}

// canSeek: an *os.File has a Seek, be it a pipe or a terminal.
func canSeek(s io.Seeker) bool {
	_, err := s.Seek(0, io.SeekCurrent)
	return err == nil
}

// reader gives what is there; an error that comes with data is kept for the next time.
type reader struct {
	r   io.Reader
	err error
}

const mostRead = 1 << 20

func (r *reader) read(n int) ([]byte, error) {
	if err := r.err; err != nil {
		r.err = nil
		return r.ended(err)
	}
	b := make([]byte, min(max(n, 0), mostRead))
	for tries := 0; ; tries++ {
		n, err := r.r.Read(b)
		if n > 0 || len(b) == 0 {
			r.err = err
			return b[:n], nil
		}
		if err != nil {
			return r.ended(err)
		}
		if tries == 100 {
			return nil, io.ErrNoProgress
		}
	}
}

func (r *reader) ended(err error) ([]byte, error) {
	if errors.Is(err, io.EOF) {
		return []byte{}, nil
	}
	return nil, err
}

type writer struct{ w io.Writer }

// write lets no writer that takes nothing keep Python's buffer trying.
func (w writer) write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	if n == 0 && len(b) > 0 && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// FileOf makes Go's io interfaces of a binary file object of Python's, or of anything with its
// methods: read or read1, write, seek, close. ctx ends what they do. A text file has one in its
// buffer attribute. What is written may be buffered until Close.
func FileOf(ctx context.Context, ref *Ref) io.ReadWriteSeeker {
	return &file{ctx, ref}
}

type file struct {
	ctx context.Context
	ref *Ref
}

func (f *file) call(name string, out any, args ...any) error {
	if f.ref == nil || f.ref.held == nil {
		return errors.New("pyhost: FileOf a Ref that refers to nothing")
	}
	return f.ref.held.caller().Call(f.ctx, name, out, append([]any{f.ref}, args...)...)
}

func (f *file) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	var b []byte
	if err := f.call("_pyhost.file_read", &b, len(p)); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, io.EOF
	}
	if len(b) > len(p) {
		return 0, fmt.Errorf("pyhost: %s gave %d bytes, not %d", f.ref, len(b), len(p))
	}
	return copy(p, b), nil
}

func (f *file) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		m := 0
		err = f.call("_pyhost.file_write", &m, p)
		if err == nil && (m <= 0 || m > len(p)) {
			err = io.ErrShortWrite
		}
		if err == nil {
			n, p = n+m, p[m:]
		}
	}
	return n, err
}

func (f *file) Seek(offset int64, whence int) (at int64, err error) {
	err = f.call("_pyhost.file_seek", &at, offset, whence)
	return at, err
}

// Close closes the file object, and gives back the Ref.
func (f *file) Close() error {
	err := f.call("_pyhost.file_close", nil)
	if f.ref != nil {
		f.ref.Close()
	}
	return err
}
