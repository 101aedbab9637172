//go:build linux

package process

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever asked for a segment gets one, in whatever order they come: none goes to who would do with
// less while another waits for as much.
func TestSegmentsMeetTheWants(t *testing.T) {
	for _, order := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 3, 1}} {
		for _, come := range [][]int{{1, 2, 3}, {3, 2, 1}, {2, 1, 3}} {
			s := newShelf()
			got := make(chan [2]int, len(order))
			for _, size := range order {
				asked := make(chan bool)
				go func() {
					seg := s.wait(uint64(size), func() { close(asked) })
					got <- [2]int{size, len(seg.mem)}
				}()
				<-asked
			}
			for i, size := range come {
				require.Nil(t, s.put(&segment{id: uint32(i), mem: make([]byte, size)}))
			}
			for range order {
				pair := <-got
				require.Equal(t, pair[0], pair[1])
			}
		}
	}
}
