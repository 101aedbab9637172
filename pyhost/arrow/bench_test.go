package arrow_test

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

// large is a batch of 100 MB: 10 columns of int64.
func large() arrow.RecordBatch {
	columns := make([][]int64, 10)
	for i := range columns {
		columns[i] = make([]int64, 100<<20/8/len(columns))
		for j := range columns[i] {
			columns[i][j] = int64(j)
		}
	}
	return numbers(memory.DefaultAllocator, columns...)
}

// takeAll has the capsules made, and lets them go.
const takeAll = `
def hold(obj): obj.__arrow_c_array__()
`

// Crossing of 100 MB, each way, beside a copy of the same.
func BenchmarkBatch(b *testing.B) {
	in := large()
	defer in.Release()
	mustExec(b, takeAll)
	copied := copyTime(b, in)
	b.Run("to Python", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, rt.Call(bg, "hold", nil, pyarrow.Batch{RecordBatch: in}))
		}
		report(b, copied)
	})
	b.Run("there and back", func(b *testing.B) {
		for b.Loop() {
			out, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", pyarrow.Batch{RecordBatch: in})
			require.NoError(b, err)
			out.Release()
		}
		report(b, copied)
	})
	b.Run("from Python", func(b *testing.B) {
		need(b, "pyarrow")
		require.NoError(b, rt.Call(bg, "put", nil, "large", pyarrow.Batch{RecordBatch: in}))
		mustExec(b, "import pyarrow as pa\nlarge = pa.record_batch(large)")
		defer mustExec(b, "del large")
		var ref *pyhost.Ref
		require.NoError(b, rt.Eval(bg, "large", &ref))
		defer ref.Close()
		for b.Loop() {
			out, err := pyarrow.BatchOf(bg, ref)
			require.NoError(b, err)
			out.Release()
		}
		report(b, copied)
	})
	b.Run("to pyarrow", func(b *testing.B) {
		need(b, "pyarrow")
		mustExec(b, "import pyarrow as pa\ndef hold_pa(x): pa.record_batch(x)")
		for b.Loop() {
			require.NoError(b, rt.Call(bg, "hold_pa", nil, pyarrow.Batch{RecordBatch: in}))
		}
		report(b, copied)
	})
}

// copyTime is what it costs to copy the batch, at its fastest of some.
func copyTime(b *testing.B, in arrow.RecordBatch) time.Duration {
	b.Helper()
	best := time.Hour
	to := make([]byte, 100<<20)
	for range 5 {
		from := time.Now()
		at := 0
		for _, c := range in.Columns() {
			at += copy(to[at:], c.Data().Buffers()[1].Bytes())
		}
		best = min(best, time.Since(from))
	}
	return best
}

func report(b *testing.B, copied time.Duration) {
	b.Helper()
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(each)/1e3, "µs/op")
	b.ReportMetric(float64(copied)/float64(each), "copy/op")
	b.ReportMetric(0, "ns/op")
}

// A stream of 1,000 batches of one number, a batch.
func BenchmarkStream(b *testing.B) {
	const batches = 1000
	b.Run("to Python", func(b *testing.B) {
		need(b, "pyarrow")
		mustExec(b, "import pyarrow as pa\ndef drain(x):\n"+
			"  for _ in pa.RecordBatchReader.from_stream(x): pass")
		one := numbers(memory.DefaultAllocator, []int64{1})
		defer one.Release()
		for b.Loop() {
			left := batches
			s := newSource(func() (arrow.RecordBatch, error) {
				if left--; left < 0 {
					return nil, nil
				}
				return one, nil
			})
			require.NoError(b, rt.Call(bg, "drain", nil, pyarrow.Stream{RecordReader: s}))
			s.Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batches), "ns/batch")
	})
	b.Run("from Python", func(b *testing.B) {
		need(b, "pyarrow")
		mustExec(b, "import pyarrow as pa\n_one = pa.record_batch([pa.array([1])], names=['n'])\n"+
			"def reader(n): return pa.table(pa.Table.from_batches([_one] * n)).to_reader()")
		for b.Loop() {
			s, err := pyhost.Call[pyarrow.Stream](bg, rt, "reader", batches)
			require.NoError(b, err)
			n := 0
			for s.Next() {
				n++
			}
			require.Equal(b, batches, n)
			s.Release()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batches), "ns/batch")
	})
}
