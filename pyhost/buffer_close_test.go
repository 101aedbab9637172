package pyhost_test

import (
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	inChild("close/buffers", buffersOutliveClose)
	inChild("close/views", viewsOutliveClose)
	inChild("close/held view", closeWithAView)
}

// buffersOutliveClose: Close of the runtime gives the memory back, whatever Python did with it.
func buffersOutliveClose(t require.TestingT) {
	rt := mustOpen(t, patient)
	require.NoError(t, rt.Exec(bg, "import builtins, sys\nkept = []\ndef keep(v):\n"+
		"  l = [v]; l.append(l)\n  kept.append(v); builtins.kept = v; sys.kept = l"))
	data := []float64{1, 2, 3}
	b := mustWritable(t, data)
	released := told(b)
	view, object := viewIn(t, rt, b), viewIn(t, rt, b) // Refs that nobody gives back
	require.NoError(t, rt.Call(bg, "keep", nil, view))
	require.NoError(t, rt.Call(bg, "keep", nil, b))
	unused := mustBuffer(t, data)
	require.NoError(t, rt.Close())
	require.Equal(t, 0, b.Views())
	require.NoError(t, b.Close())
	<-released
	require.ErrorIs(t, rt.Call(bg, "keep", nil, unused), pyhost.ErrClosed)
	require.NoError(t, unused.Close())
	<-told(unused)
	late := mustBuffer(t, data)
	require.NoError(t, late.Close())
	view.Close()
	object.Close()
	collected(t, func() bool { return cgo.Exports() == 0 })
}

// viewsOutliveClose: views that were released before Close, and used after it as far as they go.
func viewsOutliveClose(t require.TestingT) {
	rt := mustOpen(t, patient)
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "bytearray(b'abc')", &ref))
	v, err := pyhost.ViewOf[byte](bg, ref)
	require.NoError(t, err)
	part, err := pyhost.Eval[int](bg, rt, "len(b'abc')")
	require.NoError(t, err)
	require.Len(t, v.Data, part)
	var odd *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "memoryview(b'abcd')[::2]", &odd))
	copied, err := pyhost.ViewOf[byte](bg, odd)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(v.Release)
	}
	wg.Wait()
	require.NoError(t, rt.Close(), "a copy is no view")
	require.Equal(t, "ac", string(copied.Data))
	copied.Release()
	v.Release()
	_, err = pyhost.ViewOf[byte](bg, ref)
	require.ErrorIs(t, err, pyhost.ErrClosed)
}

// closeWithAView: the memory behind a View stays, so Python cannot end.
func closeWithAView(t require.TestingT) {
	rt := mustOpen(t, patient)
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "bytearray(b'abc' * 100000)", &ref))
	v, err := pyhost.ViewOf[byte](bg, ref)
	require.NoError(t, err)
	ref.Close()
	b := mustBuffer(t, []byte("seen"))
	released := told(b)
	require.NoError(t, rt.Call(bg, "memoryview", new(*pyhost.Ref), b))
	err = rt.Close()
	var leak *pyhost.LeakError
	require.ErrorAs(t, err, &leak)
	require.Equal(t, &pyhost.LeakError{Views: 1}, leak)
	require.ErrorContains(t, err, "1 View was not released")
	require.Len(t, v.Data, 300000)
	require.Equal(t, byte('c'), v.Data[299999])
	v.Release()
	v.Release()
	require.Nil(t, v.Data)
	require.ErrorIs(t, rt.Close(), leak)
	require.ErrorIs(t, b.Close(), pyhost.ErrInUse, "the interpreter is still there")
	select {
	case <-released:
		t.Errorf("released under a view")
	default:
	}
}
