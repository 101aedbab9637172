package pyhost_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func mustBuffer[T pyhost.Item](t require.TestingT, data []T, shape ...int) *pyhost.Buffer {
	b, err := pyhost.NewBuffer(data, shape...)
	require.NoError(t, err)
	return b
}

func mustWritable[T pyhost.Item](t require.TestingT, data []T, shape ...int) *pyhost.Buffer {
	b, err := pyhost.NewWritableBuffer(data, shape...)
	require.NoError(t, err)
	return b
}

// viewIn makes a memoryview of the buffer.
func viewIn(t require.TestingT, rt *pyhost.Runtime, b *pyhost.Buffer) *pyhost.Ref {
	var view *pyhost.Ref
	require.NoError(t, rt.Call(bg, "memoryview", &view, b))
	return view
}

// objectOf is the Python object itself.
func objectOf(t require.TestingT, b *pyhost.Buffer) (ref *pyhost.Ref) {
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value(b)
		ref = o.Keep()
		return err
	}))
	return ref
}

// letGo gives Python's references back, and collects what refers to itself.
func letGo(t require.TestingT, refs ...*pyhost.Ref) {
	for _, ref := range refs {
		ref.Close()
	}
	forgotten(t)
}

// forgotten frees what nobody refers to. On a free-threaded build what one collection frees may
// queue more for threads that do not run.
func forgotten(t require.TestingT) {
	for range 2 {
		require.NoError(t, rt.Exec(bg, "import gc; gc.collect()"))
	}
}

func freeThreaded() bool { return rt.Info().Python.FreeThreaded }

// immortals tells of the free-threaded 3.13: functions, classes, modules and code that were not
// made by compile() live for ever there, from the second thread on (cpython#117783).
func immortals(rt *pyhost.Runtime) bool {
	return rt.Info().Python.FreeThreaded && strings.HasPrefix(rt.Info().Python.Version, "3.13")
}

// sameItems: Python reads what Go has, and gives it back.
func sameItems[T pyhost.Item](t *testing.T, format string, data ...T) {
	t.Run(reflect.TypeFor[T]().String(), func(t *testing.T) {
		b := mustBuffer(t, data)
		got := pyhost.Tuple{}
		require.NoError(t, rt.Call(bg, "describe", &got, b))
		size := int64(unsafe.Sizeof(data[0]))
		require.Equal(t, pyhost.Tuple{format, size, pyhost.Tuple{int64(len(data))},
			pyhost.Tuple{size}, true}, got)
		want, err := binary.Append(nil, binary.NativeEndian, widened(data))
		require.NoError(t, err)
		raw, err := pyhost.Call[[]byte](bg, rt, "bytes", b)
		require.NoError(t, err)
		require.Equal(t, want, raw)
		back, err := pyhost.Call[[]T](bg, rt, "same", b)
		require.NoError(t, err)
		require.Equal(t, data, back)
		require.NoError(t, b.Close())
	})
}

// widened: encoding/binary takes no int, uint and uintptr.
func widened[T pyhost.Item](data []T) any {
	v := reflect.ValueOf(data)
	var to reflect.Type
	switch v.Type().Elem().Kind() {
	case reflect.Int:
		to = reflect.TypeFor[int64]()
	case reflect.Uint, reflect.Uintptr:
		to = reflect.TypeFor[uint64]()
	default:
		return data
	}
	out := reflect.MakeSlice(reflect.SliceOf(to), 0, len(data))
	for i := range data {
		out = reflect.Append(out, v.Index(i).Convert(to))
	}
	return out.Interface()
}

type kelvin float64

const sameFunc = "def same(v): return v\n"

func TestBufferItems(t *testing.T) {
	mustExec(t, sameFunc+"def describe(b):\n  with memoryview(b) as m:\n"+
		"    return m.format, m.itemsize, m.shape, m.strides, m.readonly")
	sameItems(t, "?", true, false, true)
	sameItems(t, "b", int8(-128), 127)
	sameItems(t, "B", byte(0), 255)
	sameItems(t, "h", int16(math.MinInt16), math.MaxInt16)
	sameItems(t, "H", uint16(0), math.MaxUint16)
	sameItems(t, "i", int32(math.MinInt32), math.MaxInt32)
	sameItems(t, "I", uint32(0), math.MaxUint32)
	sameItems(t, "l", int64(math.MinInt64), math.MaxInt64)
	sameItems(t, "L", uint64(0), math.MaxUint64)
	sameItems(t, "l", math.MinInt, 7)
	sameItems(t, "L", uint(0), math.MaxUint)
	sameItems(t, "L", uintptr(0), math.MaxUint)
	sameItems(t, "f", float32(1.5), float32(math.Inf(-1)))
	sameItems(t, "d", 1.5, math.MaxFloat64)
	sameItems(t, "d", kelvin(0), 373.15)
	sameItems(t, "Zf", complex64(1+2i), 3)
	sameItems(t, "Zd", 1+2i, 3)
}

// What a memoryview of it can do, the object can.
func TestBufferIsASequence(t *testing.T) {
	data := []int{3, 1, 2}
	b, err := pyhost.NewWritableBuffer(data)
	require.NoError(t, err)
	mustExec(t, `def use(b):
  assert len(b) == 3 and b[0] == 3 and b[-1] == 2 and list(b) == [3, 1, 2] and 1 in b
  assert list(b[1:]) == [1, 2] and sorted(b) == [1, 2, 3] and max(b) == 3
  b[0] = 9
  for wrong, error in ((lambda: b[3], IndexError), (lambda: b["x"], TypeError),
      (lambda: b.__setitem__(0, "x"), TypeError), (lambda: b.__delitem__(0), TypeError)):
    try: wrong()
    except error: continue
    assert False, error`)
	require.NoError(t, rt.Call(bg, "use", nil, b))
	require.Equal(t, []int{9, 1, 2}, data)
	require.Zero(t, b.Views())
	require.NoError(t, b.Close())

	two, err := pyhost.NewBuffer(data, 3, 1)
	require.NoError(t, err)
	mustExec(t, `def look(b):
  assert len(b) == 3 and b[0, 0] == 9
  try: b[0, 0] = 1
  except TypeError: pass
  else: assert False`)
	require.NoError(t, rt.Call(bg, "look", nil, two))
	require.NoError(t, two.Close())
}

// A Buffer goes wherever a value does.
func TestBufferInValues(t *testing.T) {
	b := mustBuffer(t, []int16{1, 2, 3})
	mustExec(t, sameFunc+"def total(o):\n"+
		"  if isinstance(o, dict): o = o.values()\n"+
		"  elif o is None: return 0\n"+
		"  elif type(o).__name__ == 'Buffer': return sum(memoryview(o))\n"+
		"  return sum(map(total, o))")
	type pair struct {
		A *pyhost.Buffer
		B *pyhost.Buffer
	}
	for want, v := range map[int]any{
		0:  (*pyhost.Buffer)(nil),
		6:  b,
		12: []any{b, b},
		18: map[string]any{"x": []*pyhost.Buffer{b, b, b, nil}},
		24: pyhost.Tuple{b, &b, map[string]*pyhost.Buffer{"y": b}, pair{A: b}},
	} {
		got, err := pyhost.Call[int](bg, rt, "total", v)
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = pyhost.Call[int](bg, rt, "total", pyhost.Kw{"o": v})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
		o, err := th.Value([]any{b})
		require.NoError(t, err)
		var back [][]int
		require.NoError(t, o.Decode(&back))
		require.Equal(t, [][]int{{1, 2, 3}}, back)
		return nil
	}))
	var ref any
	require.NoError(t, rt.Call(bg, "same", &ref, b))
	require.IsType(t, (*pyhost.Ref)(nil), ref)
	require.Contains(t, fmt.Sprint(ref), "Buffer")
	got, err := pyhost.Call[int](bg, rt, "total", ref)
	require.NoError(t, err)
	require.Equal(t, 6, got)
	ref.(*pyhost.Ref).Close()
	require.ErrorContains(t, rt.Call(bg, "total", nil, &pyhost.Buffer{}), "use NewBuffer")
	_, err = pyhost.Encoded(b)
	require.ErrorContains(t, err, "a Buffer has no meaning here", "outside of a call")
	for tag := range 256 {
		// An address is not taken from anybody.
		_ = pyhost.Echo(rt, append([]byte{byte(tag)}, make([]byte, 8)...), new(any))
	}
	require.NoError(t, b.Close())
	err = rt.Call(bg, "total", nil, b)
	require.ErrorContains(t, err, "argument 1: *pyhost.Buffer: the Buffer is closed")
}

// Goroutines that make, pass, view and close, some of them the same buffer.
func TestBufferManyGoroutines(t *testing.T) {
	mustExec(t, "def total(b):\n  with memoryview(b) as m: return sum(m)")
	shared := mustBuffer(t, []int32{1, 2, 3})
	var wg sync.WaitGroup
	for g := range 20 {
		wg.Go(func() {
			for i := range 50 {
				b := mustBuffer(t, []int32{int32(g), int32(i)})
				released := make(chan struct{})
				b.OnRelease(func() { close(released) })
				n, err := pyhost.Call[int](bg, rt, "total", b)
				require.NoError(t, err)
				require.Equal(t, g+i, n)
				require.NoError(t, b.Close())
				<-released
				n, err = pyhost.Call[int](bg, rt, "total", shared)
				require.NoError(t, err)
				require.Equal(t, 6, n)
				shared.Views()
			}
		})
	}
	wg.Wait()
	for range 8 {
		wg.Go(func() { require.NoError(t, shared.Close()) })
	}
	wg.Wait()
}

// A function of Go may return a Buffer, and be passed one.
func TestBufferOfFunction(t *testing.T) {
	numbers := func(n int) (*pyhost.Buffer, error) {
		data := make([]int64, n)
		for i := range data {
			data[i] = int64(i)
		}
		return pyhost.NewBuffer(data)
	}
	total := func(_ *pyhost.Thread, o *pyhost.Object) (n int64, err error) {
		v, err := pyhost.ViewOf[int64](bg, o)
		if err != nil {
			return 0, err
		}
		defer v.Release()
		for _, x := range v.Data {
			n += x
		}
		return n, nil
	}
	mustExec(t, "def go_sums(f, g): return [g(memoryview(f(n))) for n in range(300)]")
	stop := collectAlways()
	got, err := pyhost.Call[[]int64](bg, rt, "go_sums", numbers, total)
	stop()
	require.NoError(t, err)
	require.Len(t, got, 300)
	require.Equal(t, int64(299*298/2), got[299])
}
