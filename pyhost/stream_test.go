package pyhost_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// writer is an io.Writer of a function.
type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// lines splits what Python printed.
func lines(b *bytes.Buffer) []string {
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func init() {
	inChild("stream/text", streamText)
	inChild("stream/crowd", streamCrowd)
	inChild("stream/errors", streamErrors)
	inChild("stream/reentry", streamReentry)
	inChild("stream order", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{})
		for i := range 20 {
			require.NoError(t, rt.Call(bg, "print", nil, "Python", i))
			fmt.Println("Go", i)
		}
		require.NoError(t, rt.Close())
	})
}

func TestStreams(t *testing.T) {
	for name := range children {
		if what, ok := strings.CutPrefix(name, "stream/"); ok {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				out, errs := apart(t, name)
				require.Empty(t, out+errs)
			})
		}
	}
}

func TestPythonAndGoPrintInOrder(t *testing.T) {
	var want strings.Builder
	for i := range 20 {
		fmt.Fprintf(&want, "Python %d\nGo %d\n", i, i)
	}
	out, errs := apart(t, "stream order")
	require.Empty(t, errs)
	require.Equal(t, want.String(), out)
}

func streamText(t require.TestingT) {
	var out, errs bytes.Buffer
	rt := mustOpen(t, pyhost.Config{Stdout: &out, Stderr: &errs})
	for code, want := range map[string]string{
		"print('a', 1, None)":                            "a 1 None\n",
		"print('part', end=''); sys.stdout.flush()":      "part",
		"print('a', end=''); print('b')\nprint('c')":     "ab\nc\n",
		"print('a\\nb', end='', flush=True)":             "a\nb",
		"print('grüße 世界 🐍')":                            "grüße 世界 🐍\n",
		"print('caf\\udce9')":                            "caf\xe9\n",
		"import sys; sys.stdout.buffer.write(b'\\x00x')": "\x00x",
		"sys.stdout.writelines(['a\\n', 'b\\n'])":        "a\nb\n",
		"print(sys.stdout.encoding, sys.stdout.name)":    "utf-8 <stdout>\n",
		"import threading\nt = threading.Thread(target=print, args=['in a thread'])\n" +
			"t.start(); t.join()": "in a thread\n",
		"print('x' * 10_000_000)": strings.Repeat("x", 10_000_000) + "\n",
	} {
		out.Reset()
		require.NoError(t, rt.Exec(bg, "import sys\n"+code))
		same := want == out.String() // which is too long to be printed where it is not
		require.True(t, same, code)
	}
	require.ErrorIs(t, rt.Exec(bg, `print('\ud800')`), pyhost.UnicodeEncodeError)
	for code, want := range map[string]string{
		"print('to stderr', file=sys.stderr)":                               "to stderr\n",
		"print('\\ud800', file=sys.stderr)":                                 `\ud800` + "\n",
		"import warnings; warnings.warn('careful')":                         "UserWarning: careful",
		"class D:\n  def __del__(self): 1/0\nD()":                           "ZeroDivisionError",
		"t = threading.Thread(target=lambda: {}['k']); t.start(); t.join()": "KeyError: 'k'",
	} {
		errs.Reset()
		require.NoError(t, rt.Exec(bg, code))
		require.Contains(t, errs.String(), want)
	}
	require.NoError(t, rt.Close())
}

func streamCrowd(t require.TestingT) {
	var out bytes.Buffer // unguarded: there is one write at a time
	rt := mustOpen(t, pyhost.Config{Stdout: &out})
	const goroutines, times = 16, 100
	require.NoError(t, rt.Exec(bg, "import threading\ndef say(who, n):\n"+
		"  for i in range(n): print(who, 'x' * 50)"))
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() { require.NoError(t, rt.Call(bg, "say", nil, g, times)) })
	}
	require.NoError(t, rt.Exec(bg, fmt.Sprintf(
		"t = threading.Thread(target=say, args=(%d, %d)); t.start(); t.join()", goroutines, times)))
	wg.Wait()
	require.NoError(t, rt.Close())
	require.Len(t, lines(&out), (goroutines+1)*times)
	for _, line := range lines(&out) {
		require.Regexp(t, `^\d+ x{50}$`, line, "lines stay whole")
	}
}

func streamErrors(t require.TestingT) {
	var fails func() error
	var kept bytes.Buffer
	rt := mustOpen(t, pyhost.Config{Stdout: writer(func(p []byte) (int, error) {
		if fails != nil {
			return 0, fails()
		}
		return kept.Write(p)
	})})
	for text, fn := range map[string]func() error{
		"disk full":      func() error { return errors.New("disk full") },
		"panic: unhappy": func() error { panic("unhappy") },
		"short write":    func() error { return io.ErrShortWrite },
		strings.Repeat("long", 50): func() error {
			return errors.New(strings.Repeat("long", 1000))
		},
	} {
		fails = fn
		err := rt.Exec(bg, "print('lost')")
		require.ErrorIs(t, err, pyhost.OSError)
		require.ErrorContains(t, err, text)
		fails = nil
		require.NoError(t, rt.Exec(bg, "import sys; sys.stdout.flush()"))
		kept.Reset()
		require.NoError(t, rt.Exec(bg, "print('kept')"))
		require.Equal(t, "kept\n", kept.String(), "what was refused does not come again")
	}
	require.NoError(t, rt.Close())
}

func streamReentry(t require.TestingT) {
	ctx, stop := context.WithCancel(bg)
	defer stop()
	var rt *pyhost.Runtime
	var in func() error
	rt = mustOpen(t, pyhost.Config{Stdout: writer(func(p []byte) (int, error) {
		return len(p), in()
	}), Stderr: io.Discard, MaxThreads: 1})
	eval := func(ctx context.Context) error {
		_, err := pyhost.Eval[int](ctx, rt, "sum(range(100))")
		return err
	}
	in = func() error { return errors.Join(eval(bg), eval(ctx)) }
	require.NoError(t, rt.Exec(bg, "print('x')"))
	require.NoError(t, rt.Exec(ctx, "print('x')"))
	require.NoError(t, rt.Exec(bg, "import threading\n"+
		"t = threading.Thread(target=print, args='x'); t.start()"))
	require.NoError(t, rt.Exec(bg, "t.join()"))

	in = func() error { return rt.Exec(bg, "import sys; print('other', file=sys.stderr)") }
	require.NoError(t, rt.Exec(bg, "print('x')"))
	in = func() error { return rt.Exec(bg, "print('the same')") }
	err := rt.Exec(bg, "print('x')")
	require.ErrorIs(t, err, pyhost.OSError)
	require.ErrorContains(t, err, "printed to its own stream")
	var again error
	in = func() error {
		in = func() error { return nil }
		again = rt.Exec(ctx, "print('the same')")
		return nil
	}
	require.NoError(t, rt.Exec(bg, "sys.stdout.flush()\n"+
		"t = threading.Thread(target=print, args='x'); t.start(); t.join()"))
	require.ErrorContains(t, again, "printed to its own stream")
	in = func() error { return nil }
	require.NoError(t, rt.Exec(bg, "sys.stdout.flush()"))
	in = func() error { return rt.Close() }
	require.ErrorContains(t, rt.Exec(bg, "print('x')"), "Close while attached")
	in = func() error { return nil }
	require.NoError(t, rt.Close())
}
