//go:build linux

package process

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"unsafe"
)

// journal is the last of what a worker had to send, in memory that outlives it: results that were
// not on the socket when it died are read from there. It is a ring in the crash memfd, behind the
// notes of begun calls: the number of bytes that were ever sent, a page, and the bytes.
type journal struct {
	end  *atomic.Uint64
	ring []byte
}

const (
	journalSize = 1 << 20
	journalRing = begunBytes + pageSize
	crashBytes  = journalRing + journalSize // what faulthandler writes is behind that
	pageSize    = 4096
)

func newJournal(mem []byte) *journal {
	return &journal{(*atomic.Uint64)(unsafe.Pointer(&mem[begunBytes])), mem[journalRing:crashBytes]}
}

// add takes what is about to be sent.
func (j *journal) add(b []byte) {
	end := j.end.Load()
	for rest := b; len(rest) > 0; {
		n := copy(j.ring[(end+uint64(len(b)-len(rest)))%journalSize:], rest)
		rest = rest[n:]
	}
	j.end.Store(end + uint64(len(b)))
}

// unread gives what a worker that has ended had to send beyond the first n bytes; false if that is
// not known.
func unread(crash *os.File, n uint64) ([]byte, bool) {
	var word [8]byte
	if _, err := crash.ReadAt(word[:], begunBytes); err != nil {
		return nil, false
	}
	end := binary.LittleEndian.Uint64(word[:])
	if end < n || end-n > journalSize {
		return nil, false
	}
	b := make([]byte, end-n)
	for rest := b; len(rest) > 0; {
		at := (end - uint64(len(rest))) % journalSize
		part := rest[:min(uint64(len(rest)), journalSize-at)]
		if _, err := crash.ReadAt(part, int64(journalRing+at)); err != nil {
			return nil, false
		}
		rest = rest[len(part):]
	}
	return b, true
}
