package cgo

import (
	"sync"
	"sync/atomic"
)

// handles are the values of Go that Python objects stand for, by number. Looking one up takes no
// lock: a number is looked up only while something holds it. mu guards the rest.
type handles struct {
	chunks atomic.Pointer[[]*handleChunk]
	mu     sync.Mutex
	free   []uint64
	next   uint64
	count  atomic.Int64
}

type handleChunk [256]any

var live handles

// put gives the value a number, from 1 up.
func (h *handles) put(v any) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	var id uint64
	if n := len(h.free); n > 0 {
		id, h.free = h.free[n-1], h.free[:n-1]
	} else {
		h.next++
		id = h.next
	}
	var chunks []*handleChunk
	if p := h.chunks.Load(); p != nil {
		chunks = *p
	}
	if int(id/256) >= len(chunks) {
		chunks = append(chunks[:len(chunks):len(chunks)], new(handleChunk))
		h.chunks.Store(&chunks)
	}
	chunks[id/256][id%256] = v
	h.count.Add(1)
	return id
}

// get gives the value of a number that is held.
func (h *handles) get(id uint64) any { return (*h.chunks.Load())[id/256][id%256] }

// drop forgets the value.
func (h *handles) drop(id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	(*h.chunks.Load())[id/256][id%256] = nil
	h.free = append(h.free, id)
	h.count.Add(-1)
}

// LiveValues is the number of Go values that Python objects, or calls under way, hold.
func LiveValues() int { return int(live.count.Load()) }
