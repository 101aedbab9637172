//go:build linux

package process

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestFrame(t *testing.T) {
	r := request{op: 1, flags: 2, shape: 3, segment: 4, object: 5, name: "a.b", refs: []uint32{6},
		gos: []uint32{14}, blobs: []blob{{7, span{8, 9}}}, long: span{10, 11},
		value: []byte("value")}
	b := appendFrame(nil, frame{kind: kindCall, status: 12, id: 13}, r.append)
	for i := range b { // a part of it is no frame yet
		_, n, err := parseFrame(b[:i])
		require.NoError(t, err)
		require.Zero(t, n)
	}
	f, n, err := parseFrame(append(b, "next"...))
	require.NoError(t, err)
	require.Equal(t, len(b), n)
	require.Equal(t, kindCall, f.kind)
	require.Equal(t, uint16(12), f.status)
	require.Equal(t, uint64(13), f.id)
	var got request
	require.NoError(t, got.parse(f.body))
	require.Equal(t, r, got)
	for i := range len(f.body) - len("value") {
		require.Error(t, new(request).parse(f.body[:i]))
	}
	p := reply{segment: 1, blobs: []span{{2, 3}}, gos: []uint64{7}, long: span{4, 5},
		value: []byte("x")}
	var back reply
	require.NoError(t, back.parse(p.append(nil)))
	require.Equal(t, p, back)

	cb := callback{function: 1, call: 2, n: 3, reply: p}
	var gotBack callback
	require.NoError(t, gotBack.parse(cb.append(nil)))
	require.Equal(t, cb, gotBack)

	large := appendFrame(nil, frame{kind: kindCall}, nil)
	large[3] = 1
	_, _, err = parseFrame(large)
	require.ErrorIs(t, err, errProtocol)
}

func TestSpan(t *testing.T) {
	mem := make([]byte, 10)
	for _, bad := range []span{{11, 0}, {10, 1}, {0, 11}, {1 << 63, 1 << 63}, {1, 1<<64 - 1}} {
		_, err := bad.in(mem)
		require.Error(t, err, bad)
	}
	b, err := span{2, 8}.in(mem)
	require.NoError(t, err)
	require.Len(t, b, 8)
}

// Whatever comes, a frame is read or refused.
func FuzzFrame(f *testing.F) {
	r := request{name: "len", refs: []uint32{0}, blobs: []blob{{0, span{0, 1}}}, value: []byte{1}}
	f.Add(appendFrame(nil, frame{kind: kindCall, id: 1}, r.append))
	p := reply{segment: 1, blobs: []span{{0, 1}}, value: []byte{0}}
	f.Add(appendFrame(nil, frame{kind: kindResult, id: 1}, p.append))
	f.Add(appendFrame(nil, frame{kind: kindReady, body: []byte("{}")}, nil))
	cb := callback{function: 1, call: 1, n: 2, reply: reply{gos: []uint64{2}, value: []byte{0, 0}}}
	f.Add(appendFrame(nil, frame{kind: kindCallback, id: 1}, cb.append))
	f.Add(appendFrame(nil, frame{kind: kindForget, id: 1}, nil))
	f.Add(appendFrame(nil, frame{kind: kindRead, id: 1}, nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			fr, n, err := parseFrame(b)
			if err != nil || n == 0 {
				return
			}
			if n < headerSize || n > len(b) || n > headerSize+maxBody {
				t.Fatalf("a frame of %d bytes, of %d", n, len(b))
			}
			b = b[n:]
			var r request
			if r.parse(fr.body) == nil && len(r.refs)*4+len(r.blobs)*20+len(r.name) > len(fr.body) {
				t.Fatal("a request that is longer than its frame")
			}
			var p reply
			if p.parse(fr.body) == nil && len(p.blobs)*16 > len(fr.body) {
				t.Fatal("a reply that is longer than its frame")
			}
			var cb callback
			if cb.parse(fr.body) == nil && len(cb.gos)*8 > len(fr.body) {
				t.Fatal("a callback that is longer than its frame")
			}
			inFrames(t, fr)
		}
	})
}

// inFrames has a worker's frame handled by a program that waits for a call.
func inFrames(t *testing.T, f frame) {
	c := newCall(nil, 0, "call")
	c.id = 1
	w := &worker{segs: newShelf(), results: newShelf(), calls: map[uint64]*call{1: c},
		ready: make(chan error, 1), closed: make(chan error, 1), done: make(chan struct{}),
		table: newTable(), lent: map[uint32]*segment{}, cfg: &Config{}, life: t.Context(),
		shapes: map[uint32]bool{},
		conn:   &conn{finished: true}}
	c.w = w
	enc := newCall(w, 0, "call")
	_, err := enc.function(&pyhost.Function{Func: func(any, ...[]string) (any, error) {
		return func() {}, errProtocol
	}})
	require.NoError(t, err)
	w.tellFuncs(enc)
	w.table.addValue(errProtocol)
	if f.kind == kindWant || f.kind == kindReady {
		return // those act at once, on a process
	}
	if w.handle(f) != nil || f.kind != kindResult {
		return
	}
	var out any
	_ = w.result(t.Context(), c, &out)
}

// What a worker had to send and did not is read behind what has come, around the ring's end too.
func TestJournal(t *testing.T) {
	f, err := newBegun()
	require.NoError(t, err)
	defer f.Close()
	_, j, err := mapBegun(int(f.Fd()))
	require.NoError(t, err)
	part := make([]byte, 100_003)
	total := uint64(0)
	for i := range 25 {
		for k := range part {
			part[k] = byte(i + k)
		}
		j.add(part)
		total += uint64(len(part))
		for _, n := range []int{len(part), 10, 0} {
			b, known := unread(f, total-uint64(n))
			require.True(t, known)
			require.Equal(t, part[len(part)-n:], b)
		}
	}
	for _, n := range []uint64{0, total + 1} { // it is not there any more, or never was
		_, known := unread(f, n)
		require.False(t, known)
	}
}

// A result that a worker had, and died before all of it was on the socket, is not lost.
func TestResultOfADyingWorker(t *testing.T) {
	f, err := newBegun()
	require.NoError(t, err)
	defer f.Close()
	_, j, err := mapBegun(int(f.Fd()))
	require.NoError(t, err)
	r := reply{value: []byte("value")}
	sent := appendFrame(nil, frame{kind: kindResult, id: 1}, r.append)
	j.add(sent)
	for n := range sent { // came over the socket
		c := newCall(nil, 0, "call")
		w := &worker{crash: f, segs: newShelf(), table: newTable(), calls: map[uint64]*call{1: c},
			in: &inbox{buf: sent[:n:n], to: n, total: uint64(n)}}
		require.True(t, w.readRest())
		require.Len(t, c.done, 1)
		require.Equal(t, "value", string(c.value))
		require.Empty(t, w.calls)
		w.broken = true // what has come is not what it has sent
		require.False(t, w.readRest())
	}
}
