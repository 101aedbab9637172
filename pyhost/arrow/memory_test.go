package arrow_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/cgo"
)

// cMemory is allocated by C, and counted.
type cMemory = mallocator.Mallocator

func newCMemory() *cMemory { return mallocator.NewMallocator() }

func liveValues() int { return cgo.LiveValues() }

// resident is the memory of the process in bytes.
func resident(t testing.TB) int64 {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}
