package pyhost

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// gate lets goroutines into an interpreter. A goroutine that waits for the GIL in C takes an OS
// thread with it, so the rest wait here:
//
//   - At most max are inside. Inside means: in C with this interpreter, or holding a Thread of it.
//   - At most one of them waits for the GIL: the one with the baton (and one that came when nobody
//     was inside, which a thread of Python's own may keep waiting). Once it holds the GIL it passes
//     the baton on, so the next waits in C while it works, and gets the GIL as soon as it is let
//     go, be it by the end of the call, by I/O or by Python's switch interval.
//   - The rest queue here, first in, first out. A goroutine leaves the queue when its context ends.
//
// All of it is one word, shared with C, which passes the baton:
//
//	bits 0-15 inside | 16 baton | 17 queued | 18 closed | 20-63 number of entries
//
// queued is set exactly while the queue is not empty, and nobody may enter past it. The queue, and
// setting or clearing queued, are guarded by mu; the rest of the word changes by compare-and-swap.
// No wake-up is lost: whoever clears baton or leaves while queued is set calls admit; whoever joins
// the queue calls admit after setting queued.
type gate struct {
	word   *uint64
	max    uint64
	free   atomic.Bool // no GIL: everybody who is inside runs, and there is no baton
	inside func() bool // does this goroutine stand inside already?

	mu         sync.Mutex
	head, tail *waiter
	waiting    int

	// away are those inside who run a Go function that Python called, and may wait for others: as
	// many more may be inside.
	away *int32

	idle chan struct{} // gets a token when the last one leaves a closed gate
}

const (
	gateInside = 1<<16 - 1
	gateBaton  = cgo.GateBaton
	gateQueued = cgo.GateQueued
	gateClosed = 1 << 18
	gateEntry  = 1 << 20
)

type waiter struct {
	ready      chan struct{} // gets one token when admitted
	admitted   bool          // guarded by gate.mu
	next, prev *waiter
}

var waiters = sync.Pool{New: func() any { return &waiter{ready: make(chan struct{}, 1)} }}

func newGate(word *uint64, away *int32, max int, free bool, inside func() bool) *gate {
	g := &gate{word: word, away: away, max: uint64(max), inside: inside,
		idle: make(chan struct{}, 1)}
	g.free.Store(free)
	return g
}

// pass is what one goroutine got from the gate.
type pass struct {
	flags  uint32 // for the frame: slot and baton, or nothing for one that was inside already
	waited bool   // it did not get in at once
	from   int64  // then: since when (cgo.Now)
	number uint64 // of this entry, modulo 2^44
}

// hop enters where nobody is inside and nobody waits, which is what a lone call finds.
func (g *gate) hop() (number uint64, ok bool) {
	s := atomic.LoadUint64(g.word)
	ok = s&(gateInside|gateBaton|gateQueued|gateClosed) == 0 &&
		atomic.CompareAndSwapUint64(g.word, s, s+1+gateEntry)
	return s / gateEntry, ok
}

// note counts an entry of a goroutine that is inside already.
func (g *gate) note() { atomic.AddUint64(g.word, gateEntry) }

// enter waits for a place inside, until ctx ends or the gate closes.
func (g *gate) enter(ctx context.Context) (pass, error) {
	for {
		s := atomic.LoadUint64(g.word)
		if s&(gateBaton|gateQueued|gateClosed) != 0 || s&gateInside >= g.room() {
			return g.enterSlow(ctx)
		}
		if s&gateInside == 0 { // nobody to pass the baton on to, nor to wait for
			if atomic.CompareAndSwapUint64(g.word, s, s+1+gateEntry) {
				return pass{flags: cgo.FlagSlot, number: s / gateEntry}, nil
			}
		} else if atomic.CompareAndSwapUint64(g.word, s, g.admitted(s)) {
			return pass{flags: g.flags(), number: s / gateEntry}, nil
		}
	}
}

// room is how many may be inside.
func (g *gate) room() uint64 {
	return min(g.max+uint64(atomic.LoadInt32(g.away)), gateInside)
}

func (g *gate) admitted(s uint64) uint64 {
	if !g.free.Load() {
		s |= gateBaton
	}
	return s + 1 + gateEntry
}

func (g *gate) flags() uint32 {
	if g.free.Load() {
		return cgo.FlagSlot
	}
	return cgo.FlagSlot | cgo.FlagBaton
}

func (g *gate) enterSlow(ctx context.Context) (pass, error) {
	if g.inside() { // it must not wait for its own place, nor for a close that waits for it
		return pass{}, nil
	}
	from := cgo.Now()
	w := waiters.Get().(*waiter)
	g.mu.Lock()
	if atomic.LoadUint64(g.word)&gateClosed != 0 {
		g.mu.Unlock()
		return pass{}, ErrClosed
	}
	g.push(w)
	g.admit()
	g.mu.Unlock()
	select {
	case <-w.ready:
	case <-ctx.Done():
		if g.remove(w) {
			waiters.Put(w)
			return pass{}, ctx.Err()
		}
		<-w.ready // it was admitted meanwhile: the caller finds out that the context has ended
	}
	ok := w.admitted
	waiters.Put(w)
	if !ok {
		return pass{}, ErrClosed
	}
	return pass{flags: g.flags(), waited: true, from: from}, nil
}

// leave gives a place back. The baton must have been passed on: C does, once attached.
func (g *gate) leave(p pass) {
	if p.flags == 0 {
		return
	}
	g.left(atomic.AddUint64(g.word, ^uint64(0)))
}

func (g *gate) left(s uint64) {
	if s&gateQueued != 0 {
		g.PassBaton()
	}
	if s&gateClosed != 0 && s&gateInside == 0 {
		g.tell()
	}
}

// tell wakes who waits for the gate to be idle.
func (g *gate) tell() {
	select {
	case g.idle <- struct{}{}:
	default:
	}
}

// PassBaton lets the next in, if there is room. It never blocks for long: mu is held for a few
// instructions only.
func (g *gate) PassBaton() {
	g.mu.Lock()
	g.admit()
	g.mu.Unlock()
}

// admit lets in as many as may be, and clears queued with the last. Under mu.
func (g *gate) admit() {
	for g.head != nil {
		s := atomic.LoadUint64(g.word)
		if s&gateBaton != 0 || s&gateInside >= g.room() {
			return
		}
		if atomic.CompareAndSwapUint64(g.word, s, g.admitted(s)) {
			g.wake(true)
		}
	}
}

// wake takes the first waiter out of the queue. Under mu.
func (g *gate) wake(admitted bool) {
	w := g.head
	g.unlink(w)
	w.admitted = admitted
	w.ready <- struct{}{} // has room for one: does not block
}

func (g *gate) push(w *waiter) {
	w.admitted, w.next, w.prev = false, nil, g.tail
	if g.tail == nil {
		g.head = w
		atomic.OrUint64(g.word, gateQueued)
	} else {
		g.tail.next = w
	}
	g.tail = w
	g.waiting++
}

func (g *gate) unlink(w *waiter) {
	if w.prev == nil {
		g.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		g.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	g.waiting--
	if g.head == nil {
		atomic.AndUint64(g.word, ^uint64(gateQueued))
	}
}

// remove takes w out of the queue. False: it was woken before.
func (g *gate) remove(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.prev == nil && g.head != w {
		return false
	}
	g.unlink(w)
	return true
}

// close refuses whoever comes and whoever waits. It does not wait for those inside: see idle.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	atomic.OrUint64(g.word, gateClosed)
	for g.head != nil {
		g.wake(false)
	}
	g.left(atomic.LoadUint64(g.word) &^ gateQueued)
}

func (g *gate) closed() bool { return atomic.LoadUint64(g.word)&gateClosed != 0 }

// counts of the moment.
func (g *gate) counts() (entries uint64, inside, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := atomic.LoadUint64(g.word)
	return s / gateEntry, int(s & gateInside), g.waiting
}
