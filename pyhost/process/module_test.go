//go:build linux

package process_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func TestModule(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard})
	var mu sync.Mutex
	var seen []string
	members := pyhost.Members{
		"__doc__": "Of Go.",
		"note": pyhost.Function{Params: []string{"text"}, Func: func(text string) int {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, text)
			return len(seen)
		}},
		"upper": strings.ToUpper,
		"limit": 5,
	}
	require.NoError(t, rt.Module(bg, "app.host", members))
	use := func() {
		t.Helper()
		require.NoError(t, rt.Exec(bg, "from app.host import note, limit\nimport app.host as h"))
		got, err := pyhost.Eval[[]any](bg, rt, "[note(text='a'), limit, h.upper('x'), h.__doc__]")
		require.NoError(t, err)
		require.Equal(t, []any{int64(len(seen)), int64(5), "X", "Of Go."}, got)
	}
	use()
	require.Error(t, rt.Exec(bg, "import os; os._exit(1)"))
	use() // the worker that took its place
	require.Equal(t, []string{"a", "a"}, seen)
	require.ErrorIs(t, rt.Module(bg, "app.host", members), pyhost.ImportError)
	err := rt.Module(bg, "other", pyhost.Members{"C": pyhost.Class{Of: members}})
	require.ErrorContains(t, err, "needs an in-process runtime")
	require.Error(t, rt.Module(bg, "other", pyhost.Members{"1x": 1}))
	require.NoError(t, rt.Module(bg, "other", pyhost.Members{"x": 1}))
}

// Calls that wait while a worker dies are made on the next, and that has its modules; a context
// that ends meanwhile leaves no worker with half of them.
func TestModuleWhileWorkersDie(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard})
	for _, name := range []string{"one", "two", "three"} {
		members := pyhost.Members{"pid": os.Getpid}
		require.NoError(t, rt.Module(bg, name, members))
	}
	for i := range 20 {
		kill(t, rt)
		var wg sync.WaitGroup
		for k := range 8 {
			wg.Go(func() {
				ctx, stop := context.WithTimeout(bg, time.Duration(k*k)*time.Millisecond)
				defer stop()
				err := rt.Call(ctx, "len", nil, "x")
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		}
		pid, err := pyhost.Eval[int](bg, rt, "__import__('three').pid()")
		require.NoError(t, err, i)
		require.Equal(t, os.Getpid(), pid)
		wg.Wait()
	}
}

func TestModuleOfPool(t *testing.T) {
	pool, err := process.NewPool(bg, process.PoolConfig{Size: 2, MaxCalls: 5})
	require.NoError(t, err)
	defer func() { require.NoError(t, pool.Close()) }()
	require.NoError(t, pool.Module(bg, "host", pyhost.Members{"pid": os.Getpid}))
	workers := map[int]bool{}
	for len(workers) < 6 { // workers are replaced meanwhile
		var got []int
		err := pool.Eval(bg, "[__import__('host').pid(), __import__('os').getpid()]", &got)
		require.NoError(t, err)
		require.Equal(t, os.Getpid(), got[0])
		workers[got[1]] = true
	}
	require.NoError(t, pool.Each(bg, func(ctx context.Context, rt *process.Runtime) error {
		return rt.Exec(ctx, "import host")
	}))
}

func TestLogTo(t *testing.T) {
	rt := start(t, process.Config{Stderr: io.Discard})
	var buf bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&buf, nil))
	require.NoError(t, rt.LogTo(bg, logger))
	require.NoError(t, rt.LogTo(bg, logger)) // once
	const talk = "import logging; logging.getLogger('app').warning('slow %d', 5, extra={'n': 7})"
	require.NoError(t, rt.Exec(bg, talk))
	require.Error(t, rt.Exec(bg, "import os; os._exit(1)"))
	require.NoError(t, rt.Exec(bg, talk+"; logging.debug('not this')"))
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	require.Len(t, lines, 2)
	for _, l := range lines {
		require.Contains(t, l, `level=WARN msg="slow 5" logger=app`)
		require.Contains(t, l, "n=7")
	}
	require.NoError(t, rt.LogTo(bg, nil))
	require.NoError(t, rt.Exec(bg, talk))
	require.Len(t, strings.Split(strings.TrimSpace(buf.String()), "\n"), 2)
}

// Where logging goes is changed in all workers of a pool, in those that have been told before too.
func TestLogToOfPool(t *testing.T) {
	p := newPool(t, process.PoolConfig{Size: 2, Config: process.Config{Stderr: io.Discard}})
	talk := func() {
		require.NoError(t, p.Each(bg, func(ctx context.Context, rt *process.Runtime) error {
			return rt.Exec(ctx, "import logging; logging.warning('x')")
		}))
	}
	var logs [3]bytes.Buffer
	for i := range logs {
		require.NoError(t, p.LogTo(bg, slog.New(slog.NewTextHandler(&logs[i], nil))))
		talk()
		require.Equal(t, 2, strings.Count(logs[i].String(), "msg=x"), i)
	}
	require.NoError(t, p.LogTo(bg, nil))
	talk()
	for i := range logs {
		require.Equal(t, 2, strings.Count(logs[i].String(), "msg=x"), i)
	}
}

func TestSequencesOfGo(t *testing.T) {
	rt := start(t, process.Config{Setup: `
def total(items): return sum(items)
def fails(items):
    for i in items: pass
`})
	sum, err := pyhost.Call[int](bg, rt, "total", func(yield func(int) bool) {
		for i := range 100 {
			if !yield(i) {
				return
			}
		}
	})
	require.NoError(t, err)
	require.Equal(t, 4950, sum)
	ch := make(chan int)
	go func() {
		defer close(ch)
		for i := range 100 {
			ch <- i
		}
	}()
	sum, err = pyhost.Call[int](bg, rt, "total", ch)
	require.NoError(t, err)
	require.Equal(t, 4950, sum)
	err = rt.Call(bg, "fails", nil, func(yield func(int, error) bool) {
		yield(0, io.ErrClosedPipe)
	})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	err = rt.Call(bg, "fails", nil, func(func(int) bool) { panic("oh") })
	var pn *pyhost.PanicError
	require.ErrorAs(t, err, &pn)
	ctx, stop := context.WithTimeout(bg, 20*time.Millisecond)
	defer stop()
	require.ErrorIs(t, rt.Call(ctx, "fails", nil, make(chan int)), context.DeadlineExceeded)
}

func TestIterators(t *testing.T) {
	rt := start(t, process.Config{Setup: `
log = []
def count(n):
    try:
        yield from range(n)
        raise KeyError("end")
    finally: log.append("closed")
`})
	sum := 0
	var last error
	for v, err := range pyhost.Iter[int](bg, rt, "count(1000)") {
		sum += v
		last = err
	}
	require.Equal(t, 499500, sum)
	require.ErrorIs(t, last, pyhost.KeyError)
	for v, err := range pyhost.Iter[int](bg, rt, "count(10**9)") {
		require.NoError(t, err)
		if v == 2 {
			break
		}
	}
	log, err := pyhost.Eval[[]string](bg, rt, "log")
	require.NoError(t, err)
	require.Equal(t, []string{"closed", "closed"}, log)
	ref, err := pyhost.Eval[*pyhost.Ref](bg, rt, "range(3)")
	require.NoError(t, err)
	defer ref.Close()
	n := 0
	for _, err := range pyhost.IterOf[int](bg, ref) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 3, n)
}

func TestFiles(t *testing.T) {
	rt := start(t, process.Config{Setup: `
import io, gzip
def compress(src, dst):
    with gzip.GzipFile(fileobj=dst, mode="wb") as z:
        while chunk := src.read(1000): z.write(chunk)
    dst.flush()
def lines(f): return [l for l in io.TextIOWrapper(f, "utf-8")]
`})
	text := strings.Repeat("grüße\n", 20_000)
	var packed bytes.Buffer
	require.NoError(t, rt.Call(bg, "compress", nil, pyhost.File{IO: strings.NewReader(text)},
		pyhost.File{IO: &packed}))
	require.Less(t, packed.Len(), 1000)
	var back []string
	f := filepath.Join(t.TempDir(), "x.gz")
	require.NoError(t, os.WriteFile(f, packed.Bytes(), 0o600))
	file, err := os.Open(f)
	require.NoError(t, err)
	ref, err := pyhost.Call[*pyhost.Ref](bg, rt, "gzip.open", pyhost.File{IO: file})
	require.NoError(t, err)
	unpacked := pyhost.FileOf(bg, ref)
	data, err := io.ReadAll(unpacked)
	require.NoError(t, err)
	require.Equal(t, text, string(data))
	require.NoError(t, rt.Call(bg, "lines", &back, pyhost.File{IO: strings.NewReader(text)}))
	require.Len(t, back, 20_000)

	out, err := pyhost.Call[*pyhost.Ref](bg, rt, "io.BytesIO")
	require.NoError(t, err)
	w := pyhost.FileOf(bg, out)
	_, err = io.WriteString(w, "0123456789")
	require.NoError(t, err)
	at, err := w.Seek(-3, io.SeekEnd)
	require.NoError(t, err)
	require.Equal(t, int64(7), at)
	data, err = io.ReadAll(w)
	require.NoError(t, err)
	require.Equal(t, "789", string(data))
}
