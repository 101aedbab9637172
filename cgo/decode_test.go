package cgo

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

type target struct {
	A int8
	B []string `py:"b"`
	C map[string]*target
	D any
	E [2]float32
	F *big.Int
}

func encoded(t testing.TB, v any) []byte {
	var e Encoder
	require.NoError(t, e.Value(v))
	return e.Buf
}

// What the encoder writes the decoder reads: lists, tuples, numbers and strings of both lengths.
func TestRoundTrip(t *testing.T) {
	long := make([]byte, 300)
	for _, v := range []any{nil, true, int64(-1), math.Inf(1), "x", string(long), long,
		[]any{int64(1), Tuple{}}, map[string]any{"a": nil}, new(big.Int).Lsh(big.NewInt(-3), 70)} {
		d := Decoder{Buf: encoded(t, v)}
		got, err := d.Any()
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

// A buffer that nobody encoded is an error and never a panic, and Drop ends.
func FuzzDecode(f *testing.F) {
	for _, v := range []any{nil, 1, 1.5, "text", []byte{1}, []any{1, "a", Tuple{2}},
		map[string]any{"A": 1, "b": []string{"x"}, "C": map[string]any{"k": nil}},
		map[any]any{1: 2, "s": nil}, new(big.Int).Lsh(big.NewInt(1), 99)} {
		f.Add(encoded(f, v))
	}
	f.Add([]byte{tagObject, 1, 2, 3, 4, 5, 6, 7, 8, tagStr8, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, into := range []any{new(any), new(int), new(string), new([]int), new(target),
			new(map[int]any), new([3]uint8), new(*big.Int), new(bool), new(float32)} {
			handed, given := 0, 0
			d := Decoder{Buf: b, Object: func(Ptr, string) any { handed++; return new(int) }}
			if err := d.Into(into); err != nil {
				d.Drop(func(Ptr) { given++ })
			}
			require.LessOrEqual(t, handed+given, len(b))
		}
	})
}
