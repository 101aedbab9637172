package pyhost_test

import (
	"context"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func mustRef(t require.TestingT, expr string) *pyhost.Ref {
	var ref *pyhost.Ref
	require.NoError(t, rt.Eval(bg, expr, &ref), expr)
	return ref
}

// seen is what a View of the expression shows.
func seen[T pyhost.Item](t *testing.T, expr string) ([]T, pyhost.BufferInfo, bool) {
	t.Helper()
	ref := mustRef(t, expr)
	defer letGo(t, ref)
	v, err := pyhost.ViewOf[T](bg, ref)
	require.NoError(t, err, expr)
	defer v.Release()
	return append([]T{}, v.Data...), v.BufferInfo, v.Copied
}

func TestView(t *testing.T) {
	mustExec(t, "import array, ctypes\na = array.array('d', [1.5, -2, 4])")
	data, info, copied := seen[byte](t, "b'abc'")
	require.Equal(t, "abc", string(data))
	require.Equal(t, pyhost.BufferInfo{Format: "B", ItemSize: 1, Shape: []int{3}, Strides: []int{1},
		ReadOnly: true}, info)
	require.False(t, copied)
	data, info, copied = seen[byte](t, "bytearray(b'abc')")
	require.Equal(t, "abc", string(data))
	require.False(t, info.ReadOnly)
	require.False(t, copied)
	floats, info, copied := seen[float64](t, "a")
	require.Equal(t, []float64{1.5, -2, 4}, floats)
	require.Equal(t, pyhost.BufferInfo{Format: "d", ItemSize: 8, Shape: []int{3},
		Strides: []int{8}}, info)
	require.False(t, copied)
	kelvins, _, _ := seen[kelvin](t, "memoryview(a)")
	require.Equal(t, []kelvin{1.5, -2, 4}, kelvins)
	ints, info, _ := seen[int32](t, "memoryview(bytes(range(24))).cast('i', (1, 2, 3))")
	require.Equal(t, []int{1, 2, 3}, info.Shape)
	require.Equal(t, []int{24, 12, 4}, info.Strides)
	require.Equal(t, int32(0x03020100), ints[0])
	none, info, copied := seen[int64](t, "array.array('q')")
	require.NotNil(t, none)
	require.Empty(t, none)
	require.Equal(t, []int{0}, info.Shape)
	require.False(t, copied)
	one, info, _ := seen[float64](t, "ctypes.c_double(2.5)")
	require.Equal(t, []float64{2.5}, one)
	require.Equal(t, []int{}, info.Shape)
	bools, _, _ := seen[bool](t, "memoryview(b'\\0\\1').cast('?')")
	require.Equal(t, []bool{false, true}, bools)
	chars, _, _ := seen[byte](t, "memoryview(b'ab').cast('c')")
	require.Equal(t, "ab", string(chars))
	for _, format := range []string{"l", "q", "n"} {
		longs, _, _ := seen[int](t, "memoryview(bytes([1] + [0] * 7)).cast('"+format+"')")
		require.Equal(t, []int{1}, longs)
	}
}

// What does not lie as Go's slices do is copied, and says so.
func TestViewCopied(t *testing.T) {
	mustExec(t, "import array, ctypes\na = array.array('h', range(6))\nm = memoryview(a)\n"+
		"unaligned = memoryview(bytearray(17))[1:].cast('d')\nunaligned[1] = 2.5\n"+
		"big = (ctypes.c_int32.__ctype_be__ * 3)(1, 2, -3)\n"+
		"little = (ctypes.c_int32.__ctype_le__ * 3)(1, 2, -3)")
	data, info, copied := seen[int16](t, "m[::2]")
	require.Equal(t, []int16{0, 2, 4}, data)
	require.Equal(t, []int{4}, info.Strides, "those of Python")
	require.True(t, copied)
	data, info, copied = seen[int16](t, "m[::-1]")
	require.Equal(t, []int16{5, 4, 3, 2, 1, 0}, data)
	require.Equal(t, []int{-2}, info.Strides)
	require.True(t, copied)
	floats, _, copied := seen[float64](t, "unaligned")
	require.Equal(t, []float64{0, 2.5}, floats)
	require.True(t, copied)
	ints, info, copied := seen[int32](t, "big")
	require.Equal(t, []int32{1, 2, -3}, ints)
	require.Equal(t, ">i", info.Format[:1]+info.Format[len(info.Format)-1:])
	require.True(t, copied)
	ints, _, copied = seen[int32](t, "little")
	require.Equal(t, []int32{1, 2, -3}, ints)
	require.False(t, copied)
	_, _, copied = seen[int16](t, "m[6::2]")
	require.False(t, copied, "there is nothing to copy")

	for _, expr := range []string{"m[::2]", "unaligned"} {
		ref := mustRef(t, expr)
		_, err := pyhost.WritableViewOf[int16](bg, ref)
		require.Error(t, err)
		letGo(t, ref)
	}
	ref := mustRef(t, "m[::2]")
	_, err := pyhost.WritableViewOf[int16](bg, ref)
	require.ErrorContains(t, err, "must be copied to be seen, so they cannot be written to")
	v, err := pyhost.ViewOf[int16](bg, ref)
	require.NoError(t, err)
	require.Zero(t, rt.Stats().Views, "a copy holds nothing")
	v.Release()
	require.Nil(t, v.Data)
	letGo(t, ref)
}

func TestViewErrors(t *testing.T) {
	mustExec(t, "import array, ctypes\nclass Pair(ctypes.Structure): "+
		"_fields_ = [('a', ctypes.c_int), ('b', ctypes.c_int)]\n"+
		"class Failing:\n  def __buffer__(self, flags): raise OSError('no buffer today')")
	fails := func(err error, expr, want string) {
		require.ErrorContains(t, err, want, expr)
	}
	for expr, want := range map[string]string{
		"array.array('f', [1])":     `items of format "f" and 4 bytes are no float64`,
		"array.array('q', [1])":     `items of format "q" and 8 bytes are no float64`,
		"b'12345678'":               `items of format "B" and 1 bytes are no float64`,
		"(Pair * 2)()":              `items of format "T{`,
		"memoryview(b'').cast('b')": `items of format "b"`,
		"(ctypes.py_object * 1)()":  `O" and 8 bytes are no float64`,
		"'text'":                    "TypeError: a bytes-like object is required, not 'str'",
		"None":                      "TypeError: a bytes-like object is required",
		"(lambda m: (m.release(), m)[1])(memoryview(b''))": "ValueError: operation forbidden on " +
			"released memoryview object",
	} {
		ref := mustRef(t, expr)
		_, err := pyhost.ViewOf[float64](bg, ref)
		fails(err, expr, want)
		letGo(t, ref)
	}
	ref := mustRef(t, "b'immutable'")
	_, err := pyhost.WritableViewOf[byte](bg, ref)
	require.ErrorIs(t, err, pyhost.BufferError)
	require.ErrorContains(t, err, "not writable")
	_, err = pyhost.ViewOf[int8](bg, ref)
	require.ErrorContains(t, err, `items of format "B" and 1 bytes are no int8`)
	over, stop := context.WithCancel(bg)
	stop()
	_, err = pyhost.ViewOf[byte](over, ref)
	require.ErrorIs(t, err, context.Canceled)
	ref.Close()
	_, err = pyhost.ViewOf[byte](bg, ref)
	require.ErrorContains(t, err, "is closed")
	_, err = pyhost.ViewOf[byte](bg, (*pyhost.Ref)(nil))
	require.ErrorContains(t, err, "refers to nothing")
	_, err = pyhost.ViewOf[byte](bg, &pyhost.Ref{})
	require.ErrorContains(t, err, "refers to nothing")
	b := mustBuffer(t, []byte("read-only"))
	ref = objectOf(t, b)
	_, err = pyhost.WritableViewOf[byte](bg, ref)
	require.ErrorContains(t, err, "the Go memory is read-only")
	letGo(t, ref)
	require.Zero(t, rt.Stats().Views)
	if version() < 12 {
		return
	}
	ref = mustRef(t, "Failing()") // classes have __buffer__ from 3.12 on
	_, err = pyhost.ViewOf[byte](bg, ref)
	require.ErrorIs(t, err, pyhost.OSError)
	letGo(t, ref)
}

// Written on one side, read on the other.
func TestViewWritable(t *testing.T) {
	ref := mustRef(t, "bytearray(b'abc')")
	v, err := pyhost.WritableViewOf[byte](bg, ref)
	require.NoError(t, err)
	v.Data[0] = 'X'
	got, err := pyhost.Call[[]byte](bg, rt, "bytes", ref)
	require.NoError(t, err)
	require.Equal(t, "Xbc", string(got))
	v.Release()
	letGo(t, ref)
}

// While there is a View the object keeps its size; afterwards it is as before, within a Do at once.
// No two Views that may be written to have the same memory.
func TestViewsToWriteDoNotOverlap(t *testing.T) {
	mustExec(t, "shared = bytearray(100)\npart = lambda i, j: memoryview(shared)[i:j]")
	take := func(from, to int) (*pyhost.View[byte], error) {
		var part *pyhost.Ref
		require.NoError(t, rt.Call(bg, "part", &part, from, to))
		defer letGo(t, part)
		return pyhost.WritableViewOf[byte](bg, part)
	}
	middle, err := take(40, 60)
	require.NoError(t, err)
	for _, at := range [][2]int{{40, 60}, {0, 41}, {59, 100}, {45, 50}, {0, 100}, {40, 41}} {
		_, err := take(at[0], at[1])
		require.ErrorIs(t, err, pyhost.ErrOverlap, at)
	}
	before, err := take(0, 40)
	require.NoError(t, err)
	after, err := take(60, 100)
	require.NoError(t, err)
	none, err := take(50, 50)
	require.NoError(t, err)
	ref := mustRef(t, "shared")
	defer letGo(t, ref)
	seen, err := pyhost.ViewOf[byte](bg, ref)
	require.NoError(t, err, "to read")
	middle.Data = middle.Data[5:]
	for _, v := range []*pyhost.View[byte]{middle, before, after, none, seen} {
		v.Release()
	}
	whole, err := take(0, 100)
	require.NoError(t, err)
	whole.Release()
}

func TestViewKeepsSize(t *testing.T) {
	mustExec(t, "grows = bytearray(b'abc')\ndef grow(): grows.extend(b'd' * 1000)")
	ref := mustRef(t, "grows")
	v, err := pyhost.ViewOf[byte](bg, ref)
	require.NoError(t, err)
	require.ErrorIs(t, rt.Call(bg, "grow", nil), pyhost.BufferError)
	require.Equal(t, "abc", string(v.Data))
	released := make(chan struct{})
	go func() { v.Release(); close(released) }()
	<-released
	v.Release()
	require.Nil(t, v.Data)
	require.NoError(t, rt.Call(bg, "grow", nil))
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(ref)
		require.NoError(t, err)
		v, err := pyhost.ViewOf[byte](bg, o)
		require.NoError(t, err)
		nested, err := pyhost.ViewOf[byte](bg, ref)
		require.NoError(t, err)
		_, err = o.Call("clear")
		require.ErrorIs(t, err, pyhost.BufferError)
		v.Release()
		_, err = o.Call("clear")
		require.ErrorIs(t, err, pyhost.BufferError)
		nested.Release()
		_, err = o.Call("clear")
		return err
	}))
	letGo(t, ref)
}

func TestObjectBuffer(t *testing.T) {
	var kept *pyhost.Object
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(mustWritable(t, []complex64{1, 2, 3, 4, 5, 6}, 3, 2))
		require.NoError(t, err)
		info, err := o.Buffer()
		require.NoError(t, err)
		require.Equal(t, pyhost.BufferInfo{Format: "Zf", ItemSize: 8, Shape: []int{3, 2},
			Strides: []int{16, 8}}, info)
		n, err := th.Value(1)
		require.NoError(t, err)
		_, err = n.Buffer()
		require.ErrorIs(t, err, pyhost.TypeError)
		_, err = pyhost.ViewOf[byte](bg, n)
		require.ErrorIs(t, err, pyhost.TypeError)
		require.NoError(t, th.Detach(func() {
			_, err := o.Buffer()
			require.ErrorIs(t, err, pyhost.ErrWrongThread)
			_, err = pyhost.ViewOf[byte](bg, o)
			require.ErrorIs(t, err, pyhost.ErrWrongThread)
		}))
		kept = o
		return nil
	}))
	_, err := kept.Buffer()
	require.ErrorIs(t, err, pyhost.ErrReleased)
	_, err = pyhost.ViewOf[complex64](bg, kept)
	require.ErrorIs(t, err, pyhost.ErrReleased)
}

// Go memory that comes back from Python is the same memory.
func TestViewOfBuffer(t *testing.T) {
	data := []complex128{1, 2i}
	b := mustWritable(t, data)
	ref := objectOf(t, b)
	v, err := pyhost.WritableViewOf[complex128](bg, ref)
	require.NoError(t, err)
	require.Same(t, unsafe.SliceData(data), unsafe.SliceData(v.Data))
	require.ErrorIs(t, b.Close(), pyhost.ErrInUse, "Go's view is one of Python's")
	v.Data[0] = -1
	v.Release()
	letGo(t, ref)
	require.Equal(t, []complex128{-1, 2i}, data)
	require.NoError(t, b.Close())
}

// Views are read by many goroutines at once, and released by any.
func TestViewManyGoroutines(t *testing.T) {
	mustExec(t, "import array\nmany = array.array('i', range(1000))")
	ref := mustRef(t, "many")
	shared, err := pyhost.ViewOf[int32](bg, ref)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				v, err := pyhost.ViewOf[int32](bg, ref)
				require.NoError(t, err)
				require.Equal(t, shared.Data, v.Data)
				wg.Go(v.Release)
			}
		})
	}
	wg.Wait()
	for range 8 {
		wg.Go(shared.Release)
	}
	wg.Wait()
	require.NoError(t, rt.Exec(bg, "many.append(1)"))
	require.Zero(t, rt.Stats().Views)
	letGo(t, ref)
}
