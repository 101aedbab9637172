//go:build linux

package shm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is in a segment, to read and to write items stays within it, and what was written is
// read.
func FuzzList(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := find(data)
		if err != nil {
			require.ErrorIs(t, err, ErrNotList)
			return
		}
		data = data[:len(data):len(data)]
		for i := range len(l.offsets) - 1 {
			v, err := l.get(data, i)
			if err != nil {
				continue
			}
			it, err := encode(v)
			require.NoError(t, err)
			if it.least() > l.offsets[i+1]-l.offsets[i] {
				continue // None without a place
			}
			l.put(data, i, it)
			again, err := l.get(data, i)
			require.NoError(t, err)
			if f, ok := v.(float64); ok && math.IsNaN(f) {
				v, again = nil, nil
			}
			require.Equal(t, v, again)
		}
	})
}
