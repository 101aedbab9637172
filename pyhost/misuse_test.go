package pyhost_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	inChild("close/printed once", printedOnce)
	inChild("close/own names", ownNames)
	inChild("stream/empty error", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{Stdout: writer(func([]byte) (int, error) {
			return 0, errors.New("")
		}), Stderr: writer(func([]byte) (int, error) { return 0, errors.New("\xff") })})
		require.ErrorIs(t, rt.Exec(bg, "print('x')"), pyhost.OSError)
		require.ErrorIs(t, rt.Exec(bg, "import sys\nprint('x', file=sys.stderr)"), pyhost.OSError)
	})
}

func panics(t *testing.T, want error, fn func()) {
	t.Helper()
	defer func() {
		err, _ := recover().(error)
		require.ErrorIs(t, err, want)
	}()
	fn()
}

func TestAnObjectIsOfOneGoroutine(t *testing.T) {
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value("text")
		require.NoError(t, err)
		n, err := pyhost.Call[int](bg, rt, "len", o)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		var inside, other, decode, use, release error
		require.NoError(t, th.Detach(func() {
			inside = rt.Call(bg, "len", nil, o)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = rt.Do(bg, func(*pyhost.Thread) error {
					other = rt.Call(bg, "len", nil, o)
					decode = o.Decode(new(string))
					_, use = th.Import("sys")
					defer func() { release, _ = recover().(error) }()
					th.Release()
					return nil
				})
			}()
			<-done
		}))
		for _, err := range []error{other, decode, use, release} {
			require.ErrorIs(t, err, pyhost.ErrWrongThread)
		}
		require.ErrorIs(t, inside, pyhost.ErrWrongThread)
		s, err := o.Str()
		require.NoError(t, err)
		require.Equal(t, "text", s)
		return nil
	}))
}

func TestTheLastThreadIsReleasedFirst(t *testing.T) {
	a, err := rt.Acquire(bg)
	require.NoError(t, err)
	o, err := a.Value("text")
	require.NoError(t, err)
	b, err := rt.Acquire(bg)
	require.NoError(t, err)
	panics(t, pyhost.ErrNotLast, a.Release)
	b.Release()
	require.NoError(t, a.Detach(func() {
		require.NoError(t, rt.Do(bg, func(*pyhost.Thread) error {
			panics(t, pyhost.ErrNotLast, a.Release)
			return nil
		}))
	}))
	s, err := o.Str()
	require.NoError(t, err)
	require.Equal(t, "text", s)
	a.Release()
	require.NoError(t, rt.Exec(bg, "pass"))
}

func TestNothingBeginsAfterItsContext(t *testing.T) {
	mustExec(t, "begun = 0\ndef begin():\n  global begun; begun += 1")
	ctx, stop := context.WithCancel(bg)
	stop()
	require.ErrorIs(t, rt.Call(ctx, "begin", nil), context.Canceled)
	require.ErrorIs(t, rt.Exec(ctx, "begin()"), context.Canceled)
	require.ErrorIs(t, rt.Do(ctx, func(*pyhost.Thread) error { panic("begun") }), context.Canceled)
	_, err := rt.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	n, err := pyhost.Eval[int](bg, rt, "begun")
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestDoThatIsCancelledSaysSo(t *testing.T) {
	ctx, stop := context.WithTimeout(bg, 50*time.Millisecond)
	defer stop()
	err := rt.Do(ctx, func(*pyhost.Thread) error { return rt.Exec(bg, "while True: pass") })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestNoRefs(t *testing.T) {
	require.NoError(t, rt.Call(bg, "repr", nil, (*pyhost.Ref)(nil)))
	s, err := pyhost.Call[string](bg, rt, "repr", []any{(*pyhost.Ref)(nil), (*pyhost.Object)(nil)})
	require.NoError(t, err)
	require.Equal(t, "[None, None]", s)
	var zero pyhost.Ref
	require.ErrorContains(t, rt.Call(bg, "repr", nil, &zero), "refers to nothing")
	require.ErrorContains(t, zero.Decode(bg, new(any)), "refers to nothing")
	require.ErrorContains(t, zero.Call(bg, nil), "refers to nothing")
	zero.Close()
	err = rt.Exec(bg, "x", pyhost.Scope{Namespace: &pyhost.Namespace{}})
	require.ErrorContains(t, err, "refers to nothing")
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(1)
		require.NoError(t, err)
		require.Error(t, o.Decode((*int)(nil)))
		return nil
	}))
}

func TestAnythingIntoRefs(t *testing.T) {
	type holder struct{ R, S *pyhost.Ref }
	refs, err := pyhost.Eval[[]*pyhost.Ref](bg, rt, "[{'a': 1}, 7, None, object()]")
	require.NoError(t, err)
	require.Nil(t, refs[2])
	var m map[string]int
	require.NoError(t, refs[0].Decode(bg, &m))
	require.Equal(t, map[string]int{"a": 1}, m)
	var n int
	require.NoError(t, refs[1].Decode(bg, &n))
	require.Equal(t, 7, n)
	h, err := pyhost.Eval[map[string]holder](bg, rt, "{'k': {'R': 'text'}}")
	require.NoError(t, err)
	var s string
	require.NoError(t, h["k"].R.Decode(bg, &s))
	require.Equal(t, "text", s)
	require.Nil(t, h["k"].S)
}

func TestOddTargets(t *testing.T) {
	type endless *endless
	var p endless
	require.Error(t, rt.Eval(bg, "5", &p))
	type ring []ring
	r := ring{nil}
	r[0] = r
	require.ErrorContains(t, rt.Call(bg, "id", nil, r), "cycle")
	p = &p
	require.ErrorContains(t, rt.Call(bg, "id", nil, p), "cycle")
	require.ErrorContains(t, rt.Eval(bg, "5", new(chan int)), "int into chan int")
}

func TestInterruptMain(t *testing.T) {
	out, errs := apart(t, "interrupt main")
	require.Empty(t, out)
	if errs != "" { // nobody handles the signal, which some versions tell at the end
		require.Contains(t, errs, "Signal 2 ignored due to race condition")
	}
}

func init() {
	inChild("interrupt main", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{})
		require.NoError(t, rt.Exec(bg, "import _thread; _thread.interrupt_main()"))
		require.NoError(t, rt.Exec(bg, "for i in range(1000): pass"))
		require.NoError(t, rt.Close())
	})
}

// A thread of Python that has called Go is still one that Close can end.
func printedOnce(t require.TestingT) {
	rt := mustOpen(t, pyhost.Config{CloseTimeout: 10 * time.Second, Stdout: io.Discard})
	require.NoError(t, rt.Exec(bg, "import threading, time\nstarted = threading.Event()\n"+
		"def run():\n  print('once')\n  started.set()\n  while True: time.sleep(.001)\n"+
		"threading.Thread(target=run).start()\nstarted.wait()"))
	require.NoError(t, rt.Close())
}

// What the program does to our names, or to the tables they are in, is its own business.
func ownNames(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, "import sys\n_pyhost = 5\nsys.modules.pop('_pyhost')"))
	ns, err := rt.NewNamespace(bg)
	require.NoError(t, err)
	ns.Close()
	require.NoError(t, rt.Close())
}

func TestNamesThatAreNoText(t *testing.T) {
	require.ErrorContains(t, rt.Call(bg, "\xff", nil), "not a dotted name")
	long := ""
	for range 150 {
		long += "é"
	}
	require.ErrorIs(t, rt.Call(bg, long, nil), pyhost.NameError)
}

func TestRecordingsAreApart(t *testing.T) {
	th, err := rt.Acquire(bg)
	require.NoError(t, err)
	th.Release()
	for range 20 {
		rec, err := rt.Record(pyhost.RecordOptions{})
		require.NoError(t, err)
		require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
			rec.Stop()
			next, err := rt.Record(pyhost.RecordOptions{})
			require.NoError(t, err)
			require.NoError(t, th.Detach(func() {}))
			require.NotNil(t, next.Stop())
			return nil
		}))
	}
}

func init() {
	inChild("abandoned result", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{Grace: 10 * time.Millisecond})
		// A function of C that blocks, and then returns without running any bytecode in which the
		// cancelling exception could be raised; nor does its result, once the classes are known.
		require.NoError(t, rt.Exec(bg, "import _queue\nq = _queue.SimpleQueue()\nclass Obj:\n"+
			"  alive = 0\n  def __init__(self): Obj.alive += 1\n"+
			"  def __del__(self): Obj.alive -= 1"))
		var known, all []any
		require.NoError(t, rt.Eval(bg, "[Obj(), 1j, {2}]", &known))
		known[0].(*pyhost.Ref).Close()
		ctx, stop := context.WithTimeout(bg, 500*time.Millisecond) // it has begun by then
		defer stop()
		var ce *pyhost.CancelError
		require.ErrorAs(t, rt.Call(ctx, "q.get", &all), &ce)
		require.True(t, ce.Abandoned)
		require.NoError(t, rt.Exec(bg,
			"q.put(['x' * 100_000, Obj(), b'y' * 100_000, (Obj(), 1j, {2}, 1 << 70)])"))
		for rt.Stats().StillRunning > 0 {
			runtime.Gosched()
		}
		n, err := pyhost.Eval[int](bg, rt, "Obj.alive")
		require.NoError(t, err)
		require.Zero(t, n)
		require.NoError(t, rt.Close())
	})
}

// Large blobs and objects that nobody waits for any more are given back.
func TestAnAbandonedResultIsDropped(t *testing.T) {
	out, errs := apart(t, "abandoned result")
	require.Empty(t, out+errs)
}

// A deferred Close or Release may come before the look at the error.
func TestCloseOfNil(t *testing.T) {
	var th *pyhost.Thread
	var ref *pyhost.Ref
	var view *pyhost.View[byte]
	var ns *pyhost.Namespace
	th.Release()
	ref.Close()
	view.Release()
	ns.Close()
	require.NoError(t, (*pyhost.Runtime)(nil).Close())
	require.NoError(t, (*pyhost.Buffer)(nil).Close())
	require.NoError(t, (*pyhost.Pool[*pyhost.Runtime])(nil).Close())
}
