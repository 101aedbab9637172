package arrow_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
	"github.com/pyhost/pyhost/subinterp"
)

func init() {
	children["close/alive"] = closeAlive
	children["close/released"] = closeReleased
	children["close/exported"] = closeExported
	children["close/stream"] = closeStream
	children["close/reading"] = closeReading
	children["close/reading ahead"] = closeReadingAhead
	children["one place"] = onePlace
}

func TestOnePlace(t *testing.T) { child(t, "one place") }

func TestClose(t *testing.T) {
	for name := range children {
		if !strings.HasPrefix(name, "close/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if name == "close/reading ahead" && rt.Info().Python.FreeThreaded {
				t.Skip("no GIL: pyarrow's threads may come back when Python has ended")
			}
			child(t, name)
		})
	}
}

func want(ok bool, format string, args ...any) error {
	if !ok {
		return fmt.Errorf(format, args...)
	}
	return nil
}

// Close with arrays of Python's alive leaves the interpreter: their memory stays, and may be
// released afterwards.
func closeAlive() error {
	rt, err := open()
	if err != nil {
		return err
	}
	b, err := pyhost.Eval[pyarrow.Batch](bg, rt, "Batch(range(1000))")
	if err != nil {
		return err
	}
	err = rt.Close()
	var leak *pyhost.LeakError
	if !errors.As(err, &leak) || leak.Arrays != 1 {
		return fmt.Errorf("Close: %w", err)
	}
	sum := int64(0)
	for _, v := range rows(b)[0] {
		sum += v
	}
	b.Release()
	return want(sum == 999*1000/2, "sum is %d", sum)
}

// Released before Close, not yet given back: Python's release runs before it ends.
func closeReleased() error {
	rt, err := open()
	if err != nil {
		return err
	}
	told := 0
	if err := rt.Call(bg, "put", nil, "tell", func(th *pyhost.Thread) { told++ }); err != nil {
		return err
	}
	if err := rt.Exec(bg, "class Told(list):\n  def append(self, x):\n    try: tell()\n"+
		"    except RuntimeError: pass\nreleased = Told()"); err != nil {
		return err
	}
	b, err := pyhost.Eval[pyarrow.Batch](bg, rt, "Batch([1])")
	if err != nil {
		return err
	}
	b.Release()
	return errors.Join(rt.Close(), want(told > 0, "told is %d", told))
}

// Go's memory that Python holds does not keep it from ending. What nobody took is released.
func closeExported() error {
	rt, err := open()
	if err != nil {
		return err
	}
	mem := newCMemory()
	b := numbers(mem, []int64{1, 2, 3})
	if err := rt.Exec(bg, "class Box: pass\nbox = Box()\ndef hold(b):\n  box.b = b\n"+
		"  box.pair = b.__arrow_c_array__()\n  box.stream = b.__arrow_c_stream__()"); err != nil {
		return err
	}
	err = rt.Call(bg, "hold", nil, pyarrow.Batch{RecordBatch: b})
	b.Release()
	err = errors.Join(err, rt.Close())
	for until := time.Now().Add(10 * time.Second); mem.AllocatedBytes() > 0; {
		if time.Now().After(until) {
			return errors.Join(err, fmt.Errorf("%d bytes are left", mem.AllocatedBytes()))
		}
		runtime.GC()
	}
	return err
}

// A stream that is neither read to its end nor released, either way: code of Python's may run for
// it still.
func closeStream() error {
	rt, err := open()
	if err != nil {
		return err
	}
	s, err := pyhost.Eval[pyarrow.Stream](bg, rt, "Stream(Batch([i]) for i in range(3))")
	if err != nil {
		return err
	}
	if !s.Next() {
		return s.Err()
	}
	kept := s.RecordBatch()
	kept.Retain()
	theirs := pyarrow.Stream{RecordReader: newSource(upTo(3))}
	if err := rt.Call(bg, "put", nil, "theirs", theirs); err != nil {
		return err
	}
	if err := rt.Exec(bg, "cap = theirs.__arrow_c_stream__()"); err != nil {
		return err
	}
	kept.Release()
	kept.Release() // the stream's own
	err = rt.Close()
	var leak *pyhost.LeakError
	if !errors.As(err, &leak) || leak.Arrays != 1 {
		return fmt.Errorf("Close: %w", err)
	}
	more := s.Next()
	failed := s.Err()
	s.Release()
	return want(!more && errors.Is(failed, pyhost.ErrClosed), "Next: %v", failed)
}

// A stream that reads ahead on threads of pyarrow's own, which want the GIL, is released just
// before Close: they have ended when Python does.
func closeReadingAhead() error {
	rt, err := open()
	if err != nil {
		return err
	}
	if err := rt.Exec(bg, readAhead); err != nil {
		if errors.Is(err, pyhost.ModuleNotFoundError) {
			return rt.Close()
		}
		return err
	}
	for _, read := range []string{"csv", "scan"} {
		s, err := pyhost.Call[pyarrow.Stream](bg, rt, read)
		if err != nil {
			return err
		}
		if !s.Next() {
			return s.Err()
		}
		s.Release()
	}
	return rt.Close()
}

// Close while Python reads a stream of Go's: it waits.
func closeReading() error {
	rt, err := open()
	if err != nil {
		return err
	}
	begun, closed := make(chan struct{}), make(chan error)
	next := upTo(3)
	first := true
	s := newSource(func() (arrow.RecordBatch, error) {
		if first {
			first = false
			close(begun)
			for others(rt) == nil { // until it closes
			}
		}
		return next()
	})
	go func() {
		<-begun
		closed <- rt.Close()
	}()
	got, err := pyhost.Call[[][][]int](bg, rt, "read", pyarrow.Stream{RecordReader: s})
	return errors.Join(err, <-closed, want(len(got) == 3, "got %v", got))
}

// A reader that calls Python has the place of the call that led to it.
func onePlace() error {
	rt, err := pyhost.Open(pyhost.Config{MaxThreads: 1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	err = rt.Exec(ctx, capsules, inCapsules)
	for _, read := range []string{"read", "read_attached", "read_in_thread"} {
		next := upTo(3)
		s := newSource(func() (arrow.RecordBatch, error) {
			n, err := pyhost.Eval[int](ctx, rt, "6 * 7")
			if n != 42 {
				return nil, err
			}
			return next()
		})
		var got [][][]int
		err = errors.Join(err, rt.Call(ctx, read, &got, pyarrow.Stream{RecordReader: s}),
			want(len(got) == 3, "%s: got %v", read, got))
	}
	return errors.Join(err, rt.Close())
}

// others has another goroutine run code.
func others(rt *pyhost.Runtime) error {
	done := make(chan error)
	go func() { done <- rt.Exec(bg, "pass") }()
	return <-done
}

// Sub-interpreters, each with its own memory; what one gave is released into that one.
func TestSubInterpreters(t *testing.T) {
	gils := map[string]subinterp.GIL{"shared": subinterp.SharedGIL}
	if rt.Info().Python.FreeThreaded {
		require.NotEmpty(t, gils) // there are no others
	} else if rt.Info().Python.Version >= "3.13" { // of two digits each: 3.10 is the oldest
		gils["own"] = subinterp.OwnGIL
	} else if rt.Info().Python.Version >= "3.12" {
		t.Skip("3.12 has no ctypes in sub-interpreters, which the test's producer needs")
	}
	for name, gil := range gils {
		t.Run(name, func(t *testing.T) {
			sub, err := subinterp.New(bg, rt, subinterp.Config{GIL: gil})
			require.NoError(t, err)
			require.NoError(t, sub.Exec(bg, capsules, inCapsules))
			mem := newCMemory()
			b := numbers(mem, []int64{1, 2, 3})
			back, err := pyhost.Call[pyarrow.Batch](bg, sub, "same", pyarrow.Batch{RecordBatch: b})
			require.NoError(t, err)
			require.Equal(t, addresses(b), addresses(back))
			b.Release()
			theirs, err := pyhost.Eval[pyarrow.Batch](bg, sub, "Batch([4, 5])")
			require.NoError(t, err)
			got, err := pyhost.Call[[][][]int](bg, rt, "read", theirs) // from one to the other
			require.NoError(t, err)
			require.Equal(t, [][][]int{{{4, 5}}}, got)
			s, err := pyhost.Eval[pyarrow.Stream](bg, sub, "Stream(Batch([i]) for i in range(3))")
			require.NoError(t, err)
			got, err = pyhost.Call[[][][]int](bg, rt, "read", s)
			require.NoError(t, err)
			require.Len(t, got, 3)
			for _, read := range []string{"read", "read_attached"} {
				own := newSource(upTo(3))
				got, err = pyhost.Call[[][][]int](bg, sub, read, pyarrow.Stream{RecordReader: own})
				require.NoError(t, err)
				require.Len(t, got, 3)
				own.Release()
			}
			s.Release()
			theirs.Release()
			back.Release()
			forgotten(t)
			require.NoError(t, sub.Exec(bg, "import gc; gc.collect()"))
			n, err := pyhost.Eval[int](bg, sub, "len(alive)")
			require.NoError(t, err)
			require.Zero(t, n)
			require.Zero(t, mem.AllocatedBytes())
			require.NoError(t, sub.Close())
		})
	}
}

// A batch whose runtime has gone is released into nothing.
func TestReleaseAfterClose(t *testing.T) {
	sub, err := subinterp.New(bg, rt, subinterp.Config{GIL: subinterp.SharedGIL})
	require.NoError(t, err)
	b := numbers(memory.DefaultAllocator, []int64{1})
	require.NoError(t, sub.Exec(bg, "def hold(x): global kept; kept = x.__arrow_c_array__()"))
	require.NoError(t, sub.Call(bg, "hold", nil, pyarrow.Batch{RecordBatch: b}))
	require.NoError(t, sub.Close())
	b.Release()
}
