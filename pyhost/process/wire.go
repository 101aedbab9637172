//go:build linux

package process

import (
	"encoding/binary"
	"errors"
)

// A frame is a header and a body:
//
//	u32 length of the body | u16 kind | u16 status | u64 id | body
//
// Numbers are little-endian. Each side numbers the calls that it makes itself; what kind a frame is
// of says whose number it bears. Bodies are small: what is long is in a segment of shared memory.
type frame struct {
	kind   kind
	status uint16
	id     uint64
	body   []byte // of the read buffer: valid until the next read
}

type kind uint16

const (
	// To the worker.
	kindHello   kind = iota + 1 // body: JSON of hello
	kindCall                    // id: of the call; body: request
	kindCancel                  // id: of the call
	kindRecall                  // id: of a call, which is not to run unless it does
	kindShape                   // id: of the shape; body: JSON of []cgo.ShapeNode
	kindSegment                 // id: of the segment; status: 1 if it is the worker's to write; a
	// descriptor comes with it; body: u64 its size
	kindFree    // id: of the segment, which the worker may write to again
	kindDrop    // id: of the segment, which its writer has no more use for; either way
	kindFunc    // id: of a Go function; body: JSON of funcSpec. A value names it, once
	kindRelease // id: of an object, of which a reference is given back
	kindClose   //
	// From the worker.
	kindReady  // body: JSON of ready
	kindResult // id: of the call; status: of cgo, or one of those below; body: reply
	kindWant   // id: the size of a segment that the worker needs
	kindClosed // body: the error of Close, as text

	kindCallback // id: of its own numbering; body: callback
	kindForget   // id: of a function or a value of Go that Python has no more use for
	kindRead     // id: of the segment of a callback's answer, which may be written to again

	// To the worker.
	kindAnswer // id: of the callback; status: 1 if it raises; body: request
	kindBuffer // id: of a shared buffer; body: JSON of pyhost.SharedPart. A value names it, once
	kindLast   = kindBuffer
)

// What else the status of a result may be.
const (
	statusRefused = 0x100  // it has not run: body is the error as text
	statusObject  = 0x101  // body is the number of the object that was asked for
	statusSent    = 0x8000 // with any other: an exception was set to cancel the call
)

// flagRecall, in a request beside those of cgo: kindRecall may come for it.
const flagRecall = 1 << 16

const (
	headerSize = 16
	maxBody    = 1 << 20
	maxInline  = 32 << 10 // what is longer goes into a segment
)

// errProtocol is the error of a frame that the other side would not have written.
var errProtocol = errors.New("malformed frame")

// appendFrame appends a frame whose body is appended by fill, which may be nil.
func appendFrame(b []byte, f frame, fill func([]byte) []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(f.kind))
	b = binary.LittleEndian.AppendUint16(b, f.status)
	b = binary.LittleEndian.AppendUint64(b, f.id)
	if fill != nil {
		b = fill(b)
	}
	b = append(b, f.body...)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-headerSize))
	return b
}

// parseFrame reads one frame off b; n is its size, 0 if b holds only a part of it.
func parseFrame(b []byte) (f frame, n int, err error) {
	if len(b) < headerSize {
		return f, 0, nil
	}
	size := binary.LittleEndian.Uint32(b)
	f.kind = kind(binary.LittleEndian.Uint16(b[4:]))
	f.status = binary.LittleEndian.Uint16(b[6:])
	f.id = binary.LittleEndian.Uint64(b[8:])
	if size > maxBody || f.kind < kindHello || f.kind > kindLast {
		return f, 0, errProtocol
	}
	if len(b) < headerSize+int(size) {
		return f, 0, nil
	}
	f.body = b[headerSize : headerSize+size]
	return f, headerSize + int(size), nil
}

// span is a part of a segment.
type span struct{ off, n uint64 }

// in gives that part, or an error.
func (s span) in(mem []byte) ([]byte, error) {
	if s.n > uint64(len(mem)) || s.off > uint64(len(mem))-s.n {
		return nil, errProtocol
	}
	return mem[s.off : s.off+s.n : s.off+s.n], nil
}

// blob is a part of a segment, and where in the value its address is to stand.
type blob struct {
	at uint32
	span
}

// request is the body of a call. The encoded value is `value`, or where `long` says in the segment.
type request struct {
	op, flags, shape uint32
	segment          uint32 // 0: none
	object           uint64
	name             string
	refs             []uint32 // where in the value numbers of objects stand
	gos              []uint32 // where those of functions, values and buffers of Go stand
	blobs            []blob
	long             span
	value            []byte
}

func (r *request) append(b []byte) []byte {
	for _, v := range []uint32{r.op, r.flags, r.shape, r.segment, uint32(len(r.name)),
		uint32(len(r.refs)), uint32(len(r.gos)), uint32(len(r.blobs))} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	b = binary.LittleEndian.AppendUint64(b, r.object)
	b = appendSpan(b, r.long)
	b = append(b, r.name...)
	for _, at := range append(r.refs[:len(r.refs):len(r.refs)], r.gos...) {
		b = binary.LittleEndian.AppendUint32(b, at)
	}
	for _, p := range r.blobs {
		b = appendSpan(binary.LittleEndian.AppendUint32(b, p.at), p.span)
	}
	return append(b, r.value...)
}

func appendSpan(b []byte, s span) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(b, s.off), s.n)
}

// parse reads the body of a call; value is a part of it.
func (r *request) parse(body []byte) error {
	f := fields{b: body}
	r.op, r.flags, r.shape, r.segment = f.u32(), f.u32(), f.u32(), f.u32()
	name, refs, gos, blobs := f.u32(), f.u32(), f.u32(), f.u32()
	r.object, r.long = f.u64(), f.span()
	r.name = string(f.bytes(name))
	r.refs = make([]uint32, f.count(refs, 4))
	for i := range r.refs {
		r.refs[i] = f.u32()
	}
	r.gos = make([]uint32, f.count(gos, 4))
	for i := range r.gos {
		r.gos[i] = f.u32()
	}
	r.blobs = make([]blob, f.count(blobs, 20))
	for i := range r.blobs {
		r.blobs[i] = blob{f.u32(), f.span()}
	}
	r.value = f.b
	return f.err()
}

// reply is the body of a result.
type reply struct {
	segment uint32
	blobs   []span
	gos     []uint64 // numbers of values of Go in it
	long    span
	value   []byte
}

func (r *reply) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, r.segment)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.blobs)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.gos)))
	b = appendSpan(b, r.long)
	for _, n := range r.gos {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for _, s := range r.blobs {
		b = appendSpan(b, s)
	}
	return append(b, r.value...)
}

func (r *reply) parse(body []byte) error {
	f := fields{b: body}
	r.segment = f.u32()
	blobs, gos := f.u32(), f.u32()
	r.long = f.span()
	r.gos = make([]uint64, f.count(gos, 8))
	for i := range r.gos {
		r.gos[i] = f.u64()
	}
	r.blobs = make([]span, f.count(blobs, 16))
	for i := range r.blobs {
		r.blobs[i] = f.span()
	}
	r.value = f.b
	return f.err()
}

// callback is the body of one: a Go function is called.
type callback struct {
	function uint64
	call     uint64 // that Python makes it in, 0 if there is none
	n        uint32 // arguments, which reply has one after the other
	reply
}

func (c *callback) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, c.function)
	b = binary.LittleEndian.AppendUint64(b, c.call)
	b = binary.LittleEndian.AppendUint32(b, c.n)
	return c.reply.append(b)
}

func (c *callback) parse(body []byte) error {
	f := fields{b: body}
	c.function, c.call, c.n = f.u64(), f.u64(), f.u32()
	if f.bad {
		return errProtocol
	}
	return c.reply.parse(f.b)
}

// fields reads numbers off a body; past its end they are 0, and err tells.
type fields struct {
	b   []byte
	bad bool
}

var zeros [8]byte

func (f *fields) bytes(n uint32) []byte {
	if f.bad || uint64(n) > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

func (f *fields) number(n uint32) []byte {
	if p := f.bytes(n); p != nil {
		return p
	}
	return zeros[:n]
}

func (f *fields) u32() uint32 { return binary.LittleEndian.Uint32(f.number(4)) }
func (f *fields) u64() uint64 { return binary.LittleEndian.Uint64(f.number(8)) }
func (f *fields) span() span  { return span{f.u64(), f.u64()} }

// count is a number of items that take size bytes each.
func (f *fields) count(n, size uint32) int {
	if uint64(n)*uint64(size) > uint64(len(f.b)) {
		f.bad, f.b = true, nil
		return 0
	}
	return int(n)
}

func (f *fields) err() error {
	if f.bad {
		return errProtocol
	}
	return nil
}
