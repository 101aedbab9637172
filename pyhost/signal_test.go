package pyhost_test

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const signalUsers = `
import signal, asyncio, subprocess, multiprocessing, threading, sys

async def main():
    p = await asyncio.create_subprocess_exec(sys.executable or "true", "-c", "pass")
    return await p.wait()

def run():
    assert asyncio.run(main()) == 0
`

func init() {
	inChild("interrupt", func(t require.TestingT) {
		ctx, stop := signal.NotifyContext(bg, os.Interrupt)
		defer stop()
		rt := mustOpen(t, pyhost.Config{})
		require.NoError(t, rt.Exec(bg, signalUsers))
		require.NoError(t, rt.Call(bg, "run", nil))
		require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGINT))
		<-ctx.Done()
		require.NoError(t, rt.Exec(bg, "x = sum(range(100000))"), "Python saw nothing of it")
		err := rt.Exec(bg, "signal.signal(signal.SIGINT, print)")
		require.ErrorIs(t, err, pyhost.ValueError, "only the main thread, which runs no user code")
		require.ErrorContains(t, err, "use os/signal in Go")
		require.NoError(t, rt.Close())
	})
	inChild("interruptCall", func(t require.TestingT) {
		ctx, stop := signal.NotifyContext(bg, os.Interrupt)
		defer stop()
		rt := mustOpen(t, pyhost.Config{})
		require.NoError(t, rt.Exec(bg, signalUsers))
		err := rt.Exec(ctx, "import os\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: x = 1")
		require.ErrorIs(t, err, context.Canceled)
		require.NoError(t, rt.Close())
	})
	inChild("nilDereference", func(t require.TestingT) {
		rt := mustOpen(t, pyhost.Config{UseEnvironment: true})
		require.NoError(t, rt.Exec(bg, signalUsers+"import faulthandler"))
		require.True(t, recovers())
		for _, name := range []string{"faulthandler.enable", "faulthandler.register"} {
			err := rt.Exec(bg, name+"(10)")
			require.ErrorIs(t, err, pyhost.RuntimeError)
			require.ErrorContains(t, err, name+" is refused inside a Go process")
		}
		require.NoError(t, rt.Exec(bg, "faulthandler.dump_traceback(file=2)"))
		require.True(t, recovers())
		require.NoError(t, rt.Close())
		require.True(t, recovers())
	})
}

// recovers tells whether a nil dereference is a panic, as ever in Go.
func recovers() (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() != nil }()
	var p *int
	*p = 1
	return false
}

func TestSignalsReachGo(t *testing.T) {
	for _, name := range []string{"interrupt", "interruptCall"} {
		_, errs := apart(t, name)
		require.Empty(t, errs)
	}
}

func TestNilDereferenceIsRecovered(t *testing.T) {
	for name, env := range map[string]string{"plain": "PYHOST_TEST_NONE=1",
		"faulthandler": "PYTHONFAULTHANDLER=1", "development mode": "PYTHONDEVMODE=1"} {
		t.Run(name, func(t *testing.T) {
			_, errs := apart(t, "nilDereference", env)
			require.Contains(t, errs, "most recent call first")
		})
	}
}

func TestBrokenPipe(t *testing.T) {
	err := rt.Exec(bg, `
import os
r, w = os.pipe()
os.close(r)
try:
    os.write(w, b"x")
finally:
    os.close(w)`)
	require.ErrorIs(t, err, pyhost.BrokenPipeError)
}
