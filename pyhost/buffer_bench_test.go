package pyhost_test

import (
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pyhost/pyhost/pyhost"
)

const (
	manyItems = 1 << 27 // 1 GB of float64; nobody touches it
	sumItems  = 1 << 25 // 256 MB, twice
)

// BenchmarkBuffer: 1 GB that crosses without a copy, either way. The times are those of a call and
// all that goes with it.
func BenchmarkBuffer(b *testing.B) {
	array := "memoryview"
	if rt.Exec(bg, "import numpy") == nil {
		array = "numpy.asarray"
	}
	mustExec(b, "import mmap\nlarge = memoryview(mmap.mmap(-1, 1 << 30)).cast('d')")
	data := make([]float64, manyItems)
	large := mustRef(b, "large")
	defer letGo(b, large)
	var made, seen, closed, viewed, released []time.Duration
	for b.Loop() {
		var buf *pyhost.Buffer
		var ref *pyhost.Ref
		var v *pyhost.View[float64]
		took := func(to *[]time.Duration, fn func() error) {
			start := time.Now()
			err := fn()
			*to = append(*to, time.Since(start))
			require.NoError(b, err)
		}
		took(&made, func() (err error) { buf, err = pyhost.NewBuffer(data); return err })
		took(&seen, func() error { return rt.Call(bg, array, &ref, buf) })
		back, err := pyhost.ViewOf[float64](bg, ref)
		require.NoError(b, err)
		require.Same(b, &data[0], &back.Data[0])
		back.Release()
		ref.Close()
		require.NoError(b, rt.Exec(bg, "1"))
		took(&closed, func() error { return buf.Close() })
		took(&viewed, func() (err error) { v, err = pyhost.ViewOf[float64](bg, large); return err })
		require.False(b, v.Copied)
		took(&released, func() error { v.Release(); return nil })
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(made)), "NewBuffer-ns")
	b.ReportMetric(float64(median(seen)), "Python-ns")
	b.ReportMetric(float64(median(closed)), "Close-ns")
	b.ReportMetric(float64(median(viewed)), "ViewOf-ns")
	b.ReportMetric(float64(median(released)), "Release-ns")
	require.NoError(b, rt.Exec(bg, "del large"))
}

// BenchmarkBufferSum: numpy sums 256 MB of Go's memory beside as much of its own. Numpy asks the
// system for huge pages, Go's heap does not, and that alone makes a difference: so the same is
// measured of memory for which Go has asked, and of an array for which numpy has not.
func BenchmarkBufferSum(b *testing.B) {
	if rt.Exec(bg, "import numpy as np") != nil {
		b.Skip("numpy is not installed for this Python")
	}
	mustExec(b, "def own(n): return np.arange(n, dtype='f8')\n"+
		"def total(a): return float(a.sum())\n"+
		"def small(n):\n  huge = np.core.multiarray._set_madvise_hugepage\n  huge(False)\n"+
		"  try: return own(n)\n  finally: huge(True)")
	heap, paged := make([]float64, sumItems), hugePages(b)
	for i := range heap {
		heap[i] = float64(i)
	}
	copy(paged, heap)
	heapBuffer, pagedBuffer := mustBuffer(b, heap), mustBuffer(b, paged)
	var arrays [4]*pyhost.Ref
	require.NoError(b, rt.Call(bg, "own", &arrays[0], sumItems))
	require.NoError(b, rt.Call(bg, "small", &arrays[1], sumItems))
	require.NoError(b, rt.Call(bg, "np.asarray", &arrays[2], heapBuffer))
	require.NoError(b, rt.Call(bg, "np.asarray", &arrays[3], pagedBuffer))
	var times [4][]time.Duration
	var want float64
	require.NoError(b, rt.Call(bg, "total", &want, arrays[0]))
	for b.Loop() {
		for i, a := range arrays {
			var sum float64
			start := time.Now()
			require.NoError(b, rt.Call(bg, "total", &sum, a))
			times[i] = append(times[i], time.Since(start))
			require.InDelta(b, want, sum, 0)
		}
	}
	letGo(b, arrays[:]...)
	require.NoError(b, heapBuffer.Close())
	require.NoError(b, pagedBuffer.Close())
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(pairwise(times[3], times[0]), "huge/numpy")
	b.ReportMetric(pairwise(times[2], times[0]), "heap/numpy")
	b.ReportMetric(pairwise(times[2], times[1]), "heap/numpy-small")
	b.ReportMetric(float64(median(times[0]))/1e6, "numpy-ms")
}

// pairwise is the median of the ratios of times that were taken one after the other.
func pairwise(a, b []time.Duration) float64 {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = float64(a[i]) / float64(b[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// hugePages is memory beside Go's heap, in pages of 2 MB where the system has them. A slice of the
// heap would not do: make may have written to it already.
func hugePages(b *testing.B) []float64 {
	const hugepage, size = 14, 2 << 20 // MADV_HUGEPAGE
	mem, err := syscall.Mmap(-1, 0, 8*sumItems+size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, syscall.Munmap(mem)) })
	if err := unix.Madvise(mem, hugepage); err != nil {
		b.Log("no huge pages:", err)
	}
	skip := -uintptr(unsafe.Pointer(&mem[0])) % size
	return unsafe.Slice((*float64)(unsafe.Pointer(&mem[skip])), sumItems)
}
