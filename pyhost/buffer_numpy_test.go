package pyhost_test

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestNumpyBuffers(t *testing.T) {
	needNumpy(t)
	mustExec(t, "import numpy as np\ndef address(a): return a.ctypes.data\n"+
		"def scale(b): np.asarray(b)[...] *= 2\ndef dtype(b): return str(np.asarray(b).dtype)")
	data := []float64{1, 2, 3, 4, 5, 6}
	b := mustWritable(t, data, 2, 3)
	var array *pyhost.Ref
	require.NoError(t, rt.Call(bg, "np.asarray", &array, b))
	address, err := pyhost.Call[uint64](bg, rt, "address", array)
	require.NoError(t, err)
	require.Equal(t, uint64(uintptr(unsafe.Pointer(&data[0]))), address)
	require.NoError(t, rt.Call(bg, "scale", nil, b))
	require.Equal(t, []float64{2, 4, 6, 8, 10, 12}, data)
	v, err := pyhost.ViewOf[float64](bg, array)
	require.NoError(t, err)
	require.Same(t, &data[0], &v.Data[0])
	require.Equal(t, []int{2, 3}, v.Shape)
	v.Release()
	letGo(t, array)
	require.NoError(t, b.Close())

	for want, b := range map[string]*pyhost.Buffer{
		"bool": mustBuffer(t, []bool{true}), "int8": mustBuffer(t, []int8{1}),
		"uint16": mustBuffer(t, []uint16{1}), "int32": mustBuffer(t, []int32{1}),
		"int64": mustBuffer(t, []int{1}), "uint64": mustBuffer(t, []uint{1}),
		"float32": mustBuffer(t, []float32{1}), "complex64": mustBuffer(t, []complex64{1}),
		"complex128": mustBuffer(t, []complex128{1}),
	} {
		got, err := pyhost.Call[string](bg, rt, "dtype", b)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	err = rt.Exec(bg, "def fill(b): np.asarray(b)[0] = 1")
	require.NoError(t, err)
	require.ErrorIs(t, rt.Call(bg, "fill", nil, mustBuffer(t, data)), pyhost.ValueError)

	floats, info, copied := seen[float32](t, "np.arange(6, dtype='f').reshape(2, 3, order='F')")
	require.Equal(t, []float32{0, 2, 4, 1, 3, 5}, floats, "in C order")
	require.Equal(t, []int{2, 3}, info.Shape)
	require.True(t, copied)
	swapped, _, copied := seen[complex64](t, "np.array([1+2j, 3], dtype='>c8')")
	require.Equal(t, []complex64{1 + 2i, 3}, swapped)
	require.True(t, copied)
	bools, _, copied := seen[bool](t, "np.array([[True], [False]])")
	require.Equal(t, []bool{true, false}, bools)
	require.False(t, copied)
	for expr, want := range map[string]string{
		"np.array([{}], dtype=object)":      `items of format "O"`,
		"np.array([1], dtype='float16')":    `items of format "e" and 2 bytes`,
		"np.array([1], dtype='longdouble')": `items of format "g"`,
		"np.array([(1, 2)], dtype='i4,i4')": `items of format "T{`,
	} {
		ref := mustRef(t, expr)
		_, err := pyhost.ViewOf[float64](bg, ref)
		require.ErrorContains(t, err, want)
		letGo(t, ref)
	}
	mustExec(t, "day = np.array(['1970-01-02'], dtype='datetime64[s]')")
	times, info, copied := seen[int64](t, "day")
	require.Equal(t, []int64{86400}, times)
	require.Equal(t, "l", info.Format)
	require.False(t, copied)
}

// Arrays that say where their memory is by other protocols than the buffer's.
func TestArrayInterfaces(t *testing.T) {
	needNumpy(t)
	mustExec(t, `
import numpy as np
class Interface:
    def __init__(self, array): self.__array_interface__ = array.__array_interface__
class Exchange:
    def __init__(self, array): self.array = array
    def __dlpack__(self, **kw): return self.array.__dlpack__(**kw)
    def __dlpack_device__(self): return self.array.__dlpack_device__()
class Broken:
    def __dlpack__(self, **kw): raise ValueError("no")
    def __dlpack_device__(self): return 1, 0
shared = np.arange(6, dtype='f8').reshape(2, 3)
def address(a): return a.ctypes.data`)
	address, err := pyhost.Eval[uint64](bg, rt, "address(shared)")
	require.NoError(t, err)
	for _, expr := range []string{"Interface(shared)", "Exchange(shared)"} {
		ref := mustRef(t, expr)
		v, err := pyhost.ViewOf[float64](bg, ref)
		require.NoError(t, err, expr)
		require.Equal(t, []float64{0, 1, 2, 3, 4, 5}, v.Data)
		require.Equal(t, address, uint64(uintptr(unsafe.Pointer(&v.Data[0]))), expr)
		require.Equal(t, []int{2, 3}, v.Shape)
		v.Release()
		letGo(t, ref)
	}
	ref := mustRef(t, "Broken()")
	defer letGo(t, ref)
	_, err = pyhost.ViewOf[float64](bg, ref)
	require.ErrorIs(t, err, pyhost.TypeError)
}
