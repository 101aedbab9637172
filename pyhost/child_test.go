package pyhost_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func init() { inChild("close/children", closeChildren) }

// Close of the main interpreter closes its sub-interpreters first, busy ones too.
func closeChildren(t require.TestingT) {
	cfg := pyhost.Config{CloseTimeout: time.Second}
	rt := mustOpen(t, cfg)
	opt := cgo.Sub{AllowThreads: true, CheckExtensions: true, OwnGIL: cgo.OwnGIL(),
		MainAllocator: !cgo.OwnGIL()}
	var children [3]*pyhost.Runtime
	for i := range children {
		var err error
		children[i], err = rt.NewChild(bg, pyhost.ChildConfig{Config: cfg, Options: opt})
		require.NoError(t, err)
	}
	require.NoError(t, children[0].Close())
	require.NoError(t, children[1].Exec(bg, "import threading; started = threading.Event()"))
	endless := make(chan error, 1)
	if cgo.OwnGIL() { // a shared one it would keep
		go func() { endless <- children[1].Exec(bg, "started.set()\nwhile True: pass") }()
		require.NoError(t, children[1].Call(bg, "started.wait", nil))
	} else {
		endless <- pyhost.ErrClosed
	}
	require.NoError(t, rt.Close())
	require.ErrorIs(t, <-endless, pyhost.ErrClosed)
	for _, child := range children {
		require.ErrorIs(t, child.Exec(bg, "1"), pyhost.ErrClosed)
		require.NoError(t, child.Close())
	}
	_, err := rt.NewChild(bg, pyhost.ChildConfig{})
	require.ErrorIs(t, err, pyhost.ErrClosed)
}
