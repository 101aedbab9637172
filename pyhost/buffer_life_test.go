package pyhost_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// collected waits until Go's collector has found what is to be seen.
func collected(t require.TestingT, seen func() bool) {
	for end := time.Now().Add(waitLong); !seen(); runtime.GC() {
		require.True(t, time.Now().Before(end), "not collected")
		runtime.Gosched()
	}
}

func told(b *pyhost.Buffer) <-chan struct{} {
	released := make(chan struct{})
	b.OnRelease(func() { close(released) })
	return released
}

// Close while Python has views: they stay good, and the last one to go tells.
func TestBufferCloseWithViews(t *testing.T) {
	data := []byte("still there")
	b := mustBuffer(t, data)
	released := told(b)
	object := objectOf(t, b)
	first, second := viewIn(t, rt, b), viewIn(t, rt, b)
	require.Equal(t, 2, b.Views())
	err := b.Close()
	require.ErrorIs(t, err, pyhost.ErrInUse)
	require.ErrorContains(t, err, "views of the buffer: 2")
	got, err := pyhost.Call[[]byte](bg, rt, "bytes", first)
	require.NoError(t, err)
	require.Equal(t, data, got)
	err = rt.Call(bg, "memoryview", nil, object)
	require.ErrorIs(t, err, pyhost.BufferError)
	require.ErrorContains(t, err, "the Go buffer is closed")
	letGo(t, first)
	require.ErrorContains(t, b.Close(), "views of the buffer: 1")
	select {
	case <-released:
		t.Fatal("released under a view")
	default:
	}
	letGo(t, second)
	<-released
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "twice")
	require.Equal(t, 0, b.Views())
	<-told(b) // at once, by now
	require.ErrorIs(t, rt.Call(bg, "bytes", nil, object), pyhost.BufferError)
	object.Close()
}

// OnRelease may wait for Python: its goroutine is attached nowhere.
func TestBufferOnReleaseCallsPython(t *testing.T) {
	b := mustBuffer(t, []byte("x"))
	result := make(chan error)
	b.OnRelease(func() { result <- rt.Exec(bg, "1") })
	view := viewIn(t, rt, b)
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		list, err := th.Value([]any{view})
		require.NoError(t, err)
		view.Close()
		require.ErrorIs(t, b.Close(), pyhost.ErrInUse)
		_, err = list.Call("clear")
		return err
	}))
	require.NoError(t, rt.Exec(bg, "1")) // the Ref goes at an attach
	require.NoError(t, <-result)
}

// A Buffer that Go has forgotten: the memory stays while Python may see it, and no longer.
func TestBufferCollected(t *testing.T) {
	mustExec(t, "def read(b):\n  with memoryview(b) as m: return bytes(m).decode()\n"+
		"def forgotten_same(v): return v")
	for name, fn := range map[string]string{"object": "forgotten_same", "view": "memoryview"} {
		t.Run(name, func(t *testing.T) {
			exports := cgo.Exports()
			var kept *pyhost.Ref
			released := func() <-chan struct{} {
				b := mustBuffer(t, []byte("forgotten, but for Python"))
				require.NoError(t, rt.Call(bg, fn, &kept, b))
				return told(b)
			}()
			for range 20 {
				runtime.GC()
				_ = make([]byte, 1<<20)
			}
			got, err := pyhost.Call[string](bg, rt, "read", kept)
			require.NoError(t, err)
			require.Equal(t, "forgotten, but for Python", got)
			select {
			case <-released:
				t.Fatal("released before Python let go")
			default:
			}
			letGo(t, kept)
			collected(t, func() bool { return cgo.Exports() <= exports })
			<-released
		})
	}
	released := told(mustBuffer(t, []byte("never used")))
	collected(t, func() bool {
		select {
		case <-released:
			return true
		default:
			return false
		}
	})
}

// A million buffers, made, seen by Python and closed, or forgotten; and as many views of Go.
func TestBufferNoLeak(t *testing.T) {
	rounds := 1_000_000
	if testing.Short() || instrumented {
		rounds = 50_000
	}
	mustExec(t, "import sys\ndef look(b):\n  with memoryview(b) as m: return m[0]\n"+
		"seen = bytearray(8)")
	var seen *pyhost.Ref
	require.NoError(t, rt.Eval(bg, "seen", &seen))
	defer seen.Close()
	var released atomic.Int64
	round := func(i int) {
		b := mustBuffer(t, []int64{int64(i)})
		b.OnRelease(func() { released.Add(1) })
		n, err := pyhost.Call[int](bg, rt, "look", b)
		require.NoError(t, err)
		require.Equal(t, i, n)
		if i%16 != 0 {
			require.NoError(t, b.Close())
		}
		v, err := pyhost.ViewOf[byte](bg, seen)
		require.NoError(t, err)
		v.Release()
	}
	many := func(n int) {
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for i := range n / 2 {
					round(i)
				}
			})
		}
		wg.Wait()
		letGo(t)
	}
	exports := cgo.Exports()
	many(rounds / 10)
	blocks, err := pyhost.Eval[int](bg, rt, "sys.getallocatedblocks()")
	require.NoError(t, err)
	before := resident(t)
	many(rounds)
	blocksNow, err := pyhost.Eval[int](bg, rt, "sys.getallocatedblocks()")
	require.NoError(t, err)
	require.Less(t, blocksNow-blocks, 2000)
	collected(t, func() bool { return cgo.Exports() <= exports })
	collected(t, func() bool { return released.Load() == int64(rounds+rounds/10) })
	require.Zero(t, rt.Stats().Views)
	refs, err := pyhost.Eval[int](bg, rt, "sys.getrefcount(seen)")
	require.NoError(t, err)
	require.LessOrEqual(t, refs, 3)
	grown := resident(t) - before
	if !instrumented { // whose own memory grows
		require.Less(t, grown, int64(16<<20), "resident memory grew by %d bytes", grown)
	}
	t.Logf("%d buffers: blocks %+d, resident %+d kB", rounds, blocksNow-blocks, grown>>10)
}
