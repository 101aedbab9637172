package arrow_test

import "github.com/apache/arrow-go/v18/arrow/memory/mallocator"

// cMemory is allocated by C, and counted.
type cMemory = mallocator.Mallocator

func newCMemory() *cMemory { return mallocator.NewMallocator() }
