package arrow_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

// source is a stream of what a function gives: nil is the end.
type source struct {
	schema *arrow.Schema
	give   func() (arrow.RecordBatch, error)
	cur    arrow.RecordBatch
	err    error
	refs   atomic.Int64
	ended  func()
}

func newSource(give func() (arrow.RecordBatch, error)) *source {
	b := numbers(memory.DefaultAllocator, []int64{0})
	defer b.Release()
	s := &source{schema: b.Schema(), give: give, ended: func() {}}
	s.refs.Store(1)
	return s
}

func (s *source) Retain() { s.refs.Add(1) }
func (s *source) Release() {
	if s.refs.Add(-1) == 0 {
		s.ended()
	}
}
func (s *source) Schema() *arrow.Schema          { return s.schema }
func (s *source) RecordBatch() arrow.RecordBatch { return s.cur }
func (s *source) Record() arrow.RecordBatch      { return s.cur }
func (s *source) Err() error                     { return s.err }
func (s *source) Next() bool {
	s.cur, s.err = s.give()
	return s.cur != nil && s.err == nil
}

func (s *source) panics() (arrow.RecordBatch, error) { return s.cur, nil }

// upTo gives n batches of one number.
func upTo(n int) func() (arrow.RecordBatch, error) {
	i := 0
	return func() (arrow.RecordBatch, error) {
		if i++; i > n {
			return nil, nil
		}
		return numbers(memory.DefaultAllocator, []int64{int64(i)}), nil
	}
}

// Every way in which consumers call: with the GIL, without it, on a thread of Python's.
func readers(t *testing.T, test func(t *testing.T, read string)) {
	for _, read := range []string{"read", "read_attached", "read_in_thread"} {
		t.Run(read, func(t *testing.T) { test(t, read) })
	}
}

func TestStreamToPython(t *testing.T) {
	readers(t, func(t *testing.T, read string) {
		ended := 0
		s := newSource(upTo(3))
		s.ended = func() { ended++ }
		got, err := pyhost.Call[[][][]int](bg, rt, read, pyarrow.Stream{RecordReader: s})
		require.NoError(t, err)
		require.Equal(t, [][][]int{{{1}}, {{2}}, {{3}}}, got)
		s.Release()
		forgotten(t)
		require.Equal(t, 1, ended)
	})
}

// The reader may call Python, and wait for others who do.
func TestStreamCallsPython(t *testing.T) {
	readers(t, func(t *testing.T, read string) {
		next := upTo(3)
		s := newSource(func() (arrow.RecordBatch, error) {
			got := make(chan int)
			go func() {
				n, _ := pyhost.Eval[int](bg, rt, "6 * 7")
				got <- n
			}()
			if n := <-got; n != 42 {
				return nil, errors.New("the other goroutine did not get through")
			}
			n, err := pyhost.Eval[int](t.Context(), rt, "6 * 7")
			if n != 42 {
				return nil, err
			}
			return next()
		})
		defer s.Release()
		got, err := pyhost.Call[[][][]int](bg, rt, read, pyarrow.Stream{RecordReader: s})
		require.NoError(t, err)
		require.Len(t, got, 3)
		require.Equal(t, 42, eval[int](t, "6 * 7"))
	})
}

// Errors, panics and batches of another schema end the stream.
func TestStreamFails(t *testing.T) {
	other := numbers(memory.DefaultAllocator, []int64{1}, []int64{2})
	defer other.Release()
	full := errors.New("disk full")
	for want, give := range map[string]func() (arrow.RecordBatch, error){
		"disk full":              func() (arrow.RecordBatch, error) { return nil, full },
		"panic: oh":              func() (arrow.RecordBatch, error) { panic("oh") },
		"a batch of schema":      func() (arrow.RecordBatch, error) { return other, nil },
		"invalid memory address": (*source)(nil).panics,
	} {
		s := newSource(give)
		err := rt.Call(bg, "read", nil, pyarrow.Stream{RecordReader: s})
		require.ErrorIs(t, err, pyhost.OSError, want)
		require.ErrorContains(t, err, want)
		s.Release()
	}
}

func TestStreamTakenTwice(t *testing.T) {
	s := newSource(upTo(1))
	defer s.Release()
	mustExec(t, "def twice(s):\n  read(s)\n  read(s)")
	err := rt.Call(bg, "twice", nil, pyarrow.Stream{RecordReader: s})
	require.ErrorIs(t, err, pyhost.ValueError)
	require.ErrorContains(t, err, "taken already")
}

func TestStreamFromPython(t *testing.T) {
	mustExec(t, "released.clear()")
	s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream(Batch([i, 10 * i]) for i in range(3))")
	require.NoError(t, err)
	require.Equal(t, "a", s.Schema().Field(0).Name)
	kept := []arrow.RecordBatch{}
	for s.Next() {
		s.RecordBatch().Retain()
		kept = append(kept, s.RecordBatch())
	}
	require.NoError(t, s.Err())
	require.False(t, s.Next())
	s.Release()
	require.Contains(t, eval[[]string](t, "[k for k, _ in released]"), "stream")
	require.Len(t, kept, 3)
	var wg sync.WaitGroup
	for i, b := range kept {
		require.Equal(t, [][]int64{{int64(i), int64(10 * i)}}, rows(b))
		wg.Go(b.Release)
	}
	wg.Wait()
	require.Zero(t, eval[int](t, "len(alive)"))
	require.False(t, s.Next())
}

// A stream that raises tells what, after the batches that came before.
func TestStreamRaises(t *testing.T) {
	mustExec(t, "def broken():\n  yield Batch([1])\n  raise ValueError('row 17')")
	s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream(broken())")
	require.NoError(t, err)
	defer s.Release()
	require.True(t, s.Next())
	require.False(t, s.Next())
	var failed *pyarrow.StreamError
	require.ErrorAs(t, s.Err(), &failed)
	require.Equal(t, "ValueError: row 17", failed.Text)
	require.ErrorIs(t, s.Err(), syscall.EIO)
	require.False(t, s.Next())
	require.ErrorAs(t, s.Err(), &failed)
}

// A stream whose batches are not of its schema.
func TestStreamOfAnotherSchema(t *testing.T) {
	s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream([Batch([1], [2])])")
	require.NoError(t, err)
	defer s.Release()
	require.False(t, s.Next())
	require.ErrorIs(t, s.Err(), arrow.ErrInvalid)
	s.Release()
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// What offers a batch alone is a stream of it.
func TestStreamOfBatch(t *testing.T) {
	s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Batch([1, 2])")
	require.NoError(t, err)
	require.True(t, s.Next())
	require.Equal(t, [][]int64{{1, 2}}, rows(s.RecordBatch()))
	require.False(t, s.Next())
	s.Release()
	forgotten(t)
	require.Zero(t, eval[int](t, "len(alive)"))
}

// A stream of Python's that goes through Go, and back: two in one, on one thread.
func TestStreamThrough(t *testing.T) {
	readers(t, func(t *testing.T, read string) {
		s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream(Batch([i]) for i in range(3))")
		require.NoError(t, err)
		got, err := pyhost.Call[[][][]int](bg, rt, read, s)
		require.NoError(t, err)
		require.Equal(t, [][][]int{{{0}}, {{1}}, {{2}}}, got)
		s.Release()
		forgotten(t)
		require.Zero(t, eval[int](t, "len(alive)"))
	})
}

// The code behind a stream is cancelled with its context, and the stream has failed.
func TestStreamCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	require.NoError(t, rt.Call(bg, "put", nil, "cancel_go", cancel))
	mustExec(t, "def endless():\n  yield Batch([1])\n  cancel_go()\n  while True: pass")
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "Stream(endless())", &ref))
	defer ref.Close()
	s, err := pyarrow.StreamOf(ctx, ref)
	require.NoError(t, err)
	defer s.Release()
	require.True(t, s.Next())
	require.False(t, s.Next())
	require.ErrorIs(t, s.Err(), context.Canceled)
	require.False(t, s.Next())
	require.Equal(t, 42, eval[int](t, "6 * 7"))
}

// A stream that nobody has any more is closed.
func TestStreamLetGo(t *testing.T) {
	mustExec(t, "released.clear()")
	_, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream([Batch([1])])")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		runtime.GC()
		return slices.Contains(eval[[]string](t, "[k for k, _ in released]"), "stream")
	}, time.Minute, time.Millisecond)
	require.Zero(t, eval[int](t, "len(alive)"))
}

var _ array.RecordReader = (*source)(nil)
