package pyhost_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// leaving is what a program leaves behind when it closes the runtime.
type leaving struct {
	code  string
	leaks []string // names of threads, in the error
	fails string   // other text of the error
	out   string   // all of stdout
	errs  []string // what stderr has; nothing: it is empty
}

const threads = `
import threading, queue, time, atexit
started = threading.Event()

def start(target, *args, **kw):
    t = threading.Thread(target=target, args=args, **kw)
    t.start()
    return t

def spin():
    started.set()
    while True:
        x = 1

def get():
    started.set()
    queue.Queue().get()

def sleep():
    started.set()
    time.sleep(1e6)

atexit.register(print, "goodbye")
`

var leavings = map[string]leaving{
	"endless":        {code: "start(spin); started.wait()", out: "goodbye\n"},
	"endless daemon": {code: "start(spin, daemon=True); started.wait()", out: "goodbye\n"},
	"blocked": {
		code: "start(sleep, name='sleeper'); started.wait()", out: "goodbye\n",
		leaks: []string{"sleeper"},
	},
	"blocked daemons": {
		code: "start(get, name='d1', daemon=True); start(get, name='d2', daemon=True)\n" +
			"started.wait()",
		out: "goodbye\n", leaks: []string{"d1", "d2"},
	},
	"daemon that waits for an atexit handler": {
		code: "q = queue.Queue(); start(q.get, daemon=True); atexit.register(q.put, 1)",
		out:  "goodbye\n",
	},
	"catches SystemExit": {
		code: `
def stubborn():
    for i in range(2):
        try:
            spin()
        except SystemExit:
            pass
    print("at last")
start(stubborn); started.wait()`,
		out: "at last\ngoodbye\n",
	},
	"cleans up": {
		code: `
def tidy():
    try:
        spin()
    finally:
        print("tidy")
start(tidy); started.wait()`,
		out: "tidy\ngoodbye\n",
	},
	"executor, idle": {
		code: `
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(3)
assert list(pool.map(abs, [-1, -2, -3])) == [1, 2, 3]`,
		out: "goodbye\n",
	},
	"executor, busy": {
		code: `
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(3)
pool.submit(spin); started.wait()`,
		out: "goodbye\n",
	},
	"executor, blocked": {
		code: `
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1, thread_name_prefix="pool")
pool.submit(sleep); started.wait()`,
		out: "goodbye\n", leaks: []string{"pool_0"},
	},
	"starts another": {
		code: `
def first(n):
    if n: start(first, n - 1)
    else: print("last")
start(first, 20)`,
		out: "last\ngoodbye\n",
	},
	"timer":  {code: "threading.Timer(1e6, print, ['fired']).start()", out: "goodbye\n"},
	"raises": {code: "start(lambda: 1/0).join()", out: "goodbye\n", errs: []string{"ZeroDivision"}},
	"_thread": {code: "import _thread; _thread.start_new_thread(sleep, ()); started.wait()",
		out: "goodbye\n", fails: "interpreter left unfinished"},
	"asyncio": {
		code: `
import asyncio
async def main():
    await asyncio.get_running_loop().run_in_executor(None, abs, 1)
    asyncio.create_task(asyncio.sleep(1e6))
asyncio.run(main())`,
		out: "goodbye\n",
	},
	"multiprocessing pool": {
		code: `
import multiprocessing, sys
if sys.executable:
    pool = multiprocessing.get_context("spawn").Pool(1)
    assert pool.map(abs, [-1]) == [1]`,
		out: "goodbye\n",
	},

	"atexit in order": {
		code: "atexit.register(print, 'second'); atexit.register(print, 'first')",
		out:  "first\nsecond\ngoodbye\n",
	},
	"atexit raises": {
		code: "atexit.register(lambda: 1/0)", out: "goodbye\n", errs: []string{"ZeroDivisionError"},
	},
	"atexit exits": {
		code: "import sys; atexit.register(sys.exit, 7)", out: "goodbye\n",
		errs: []string{"SystemExit: 7"},
	},
	"atexit for ever": {
		code: "atexit.register(spin); atexit.register(spin)", out: "goodbye\n",
		errs: []string{"Cancelled"},
	},
	"atexit blocks": {code: "atexit.register(sleep)", fails: "atexit handlers did not end"},
	"atexit starts a thread": {
		code: "atexit._clear(); atexit.register(start, print, 'from a thread')",
		out:  "from a thread\n",
	},
	"atexit writes to stderr": {
		code: "import sys; atexit.register(print, 'oops', file=sys.stderr)", out: "goodbye\n",
		errs: []string{"oops"},
	},

	"__del__ prints": {
		code: `
class Last:
    def __del__(self): print("deleted")
last = Last()`,
		out: "goodbye\ndeleted\n",
	},
	"__del__ raises": {
		code: `
class Last:
    def __del__(self): raise ValueError("too late")
last = Last()`,
		out: "goodbye\n", errs: []string{"ValueError: too late"},
	},
	"__del__ for ever": {
		code: `
class Last:
    def __del__(self):
        while True: x = 1
last = Last()`,
		out: "goodbye\n", fails: "finalization did not end",
	},
	"cycles": {code: "a = []; a.append(a); threading.a = a; threads = threading", out: "goodbye\n"},

	"stdout is gone": {code: "import sys; print('x'); sys.stdout = None", out: "x\n"},
	"stdout is closed": {code: "import sys; print('x'); atexit._clear(); sys.stdout.close()",
		out: "x\n"},
	"stdout is another": {code: "import sys; atexit._clear(); sys.stdout = object()",
		errs: []string{"flush"}},
	"unfinished line": {code: "print('no newline', end=''); atexit._clear()", out: "no newline"},
}

const leavingVar = "PYHOST_TEST_LEAVING"

func init() {
	inChild("leaving", func(t require.TestingT) { leave(t, quick) })
	inChild("leaving, own streams", func(t require.TestingT) {
		cfg := quick
		cfg.Stdout, cfg.Stderr = os.Stdout, os.Stderr
		leave(t, cfg)
	})
}

func leave(t require.TestingT, cfg pyhost.Config) {
	l := leavings[os.Getenv(leavingVar)]
	ends := l.leaks == nil && l.fails == ""
	cfg.CloseTimeout *= 2
	if ends { // and must have the time for it on a busy machine too
		cfg.CloseTimeout = 5 * closeTimeout
	}
	rt := mustOpen(t, cfg)
	require.NoError(t, rt.Exec(bg, threads))
	require.NoError(t, rt.Exec(bg, l.code))
	err := rt.Close()
	if ends {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, l.fails)
	require.Subset(t, leak(t, err).Threads, l.leaks)
	for _, name := range l.leaks {
		require.ErrorContains(t, err, name)
	}
}

func TestCloseEndsWhatPythonLeaves(t *testing.T) {
	for _, child := range []string{"leaving", "leaving, own streams"} {
		for name, l := range leavings {
			t.Run(fmt.Sprintf("%s/%s", child, name), func(t *testing.T) {
				t.Parallel()
				if name == "multiprocessing pool" && immortals(rt) {
					l.errs = []string{"Pool.__del__"} // what it needs has gone
				}
				out, errs := apart(t, child, leavingVar+"="+name)
				require.Equal(t, l.out, out, errs)
				if l.errs == nil {
					require.Empty(t, errs)
				}
				for _, text := range l.errs {
					require.Contains(t, errs, text)
				}
			})
		}
	}
}

// A thread takes after the one that starts it, and a goroutine's is none that Python has started.
func TestThreadsOfPythonAreNoDaemons(t *testing.T) {
	for range 10 { // on any OS thread
		require.NoError(t, rt.Exec(bg, `
import threading
assert not threading.Thread().daemon and not threading.current_thread().daemon
assert threading.Thread(daemon=True).daemon
assert threading.current_thread() is not threading.main_thread()`))
	}
}
