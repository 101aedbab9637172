package pyhost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestPointersToObjects(t *testing.T) {
	mustExec(t, "import sys\nclass Pointed: pass\npointed = Pointed()")
	count := func() int {
		n, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(pointed)")
		require.NoError(t, err)
		return n
	}
	before := count()
	var late *pyhost.Object
	var released *pyhost.Thread
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		m, err := th.Import("__main__")
		require.NoError(t, err)
		o, err := m.Attr("pointed")
		require.NoError(t, err)
		again := th.FromPointer(o.Pointer())
		require.Equal(t, o.Pointer(), again.Pointer())
		require.Equal(t, before+2, count())
		require.Nil(t, th.FromPointer(nil))
		require.Nil(t, (*pyhost.Object)(nil).Pointer())
		require.NoError(t, th.Pending())
		require.NoError(t, th.Detach(func() {
			panics(t, pyhost.ErrWrongThread, func() { o.Pointer() })
			panics(t, pyhost.ErrWrongThread, func() { th.FromPointer(nil) })
			require.ErrorIs(t, th.Pending(), pyhost.ErrWrongThread)
		}))
		late, released = again, th
		return nil
	}))
	require.Equal(t, before, count())
	panics(t, pyhost.ErrReleased, func() { late.Pointer() })
	panics(t, pyhost.ErrReleased, func() { released.FromPointer(nil) })
	require.ErrorIs(t, released.Pending(), pyhost.ErrReleased)
}
