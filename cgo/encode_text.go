package cgo

import (
	"encoding/binary"
	"math/big"
	"slices"
	"unsafe"
)

func (e *Encoder) str(s string) {
	if e.apart(len(s)) {
		e.far(tagStr, unsafe.StringData(s), len(s))
		return
	}
	if len(s) < 256 {
		e.Buf = append(e.Buf, tagStr8, byte(len(s)))
	} else {
		e.word(tagStr, uint64(len(s)))
	}
	e.Buf = append(e.Buf, s...)
}

// strs appends a list: room is made once, and the buffer is at hand.
func (e *Encoder) strs(list []string) {
	if list == nil {
		e.tag(tagNone)
		return
	}
	e.word(tagList, uint64(len(list)))
	room := 0
	for _, s := range list {
		room += len(s) + 9
	}
	buf := slices.Grow(e.Buf, room)
	for _, s := range list {
		if len(s) < 256 {
			buf = append(buf, tagStr8, byte(len(s)))
		} else {
			buf = binary.LittleEndian.AppendUint64(append(buf, tagStr), uint64(len(s)))
		}
		buf = append(buf, s...)
	}
	e.Buf = buf
}

func (e *Encoder) bytes(b []byte) {
	if b == nil {
		e.tag(tagNone)
		return
	}
	if e.apart(len(b)) {
		e.far(tagBytes, unsafe.SliceData(b), len(b))
		return
	}
	e.word(tagBytes, uint64(len(b)))
	e.Buf = append(e.Buf, b...)
}

// Two's complement, little-endian, with room for the sign.
func (e *Encoder) big(v *big.Int) {
	if v == nil {
		e.tag(tagNone)
		return
	}
	if v.IsInt64() {
		e.int(v.Int64())
		return
	}
	n := v.BitLen()/8 + 1
	e.word(tagBig, uint64(n))
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	}
	at := len(e.Buf)
	e.Buf = append(e.Buf, make([]byte, n)...)
	b := v.FillBytes(e.Buf[at:])
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}
