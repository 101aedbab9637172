//go:build linux

package process

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// To serve a lone call on the goroutine that has read it saves a switch of goroutines, which is a
// third of the time of a short call. But nobody reads meanwhile, so a second goroutine looks every
// millisecond whether the call is still the same: it takes over the reading then.
//
// number is odd while a call is served by the reader, and changes with each. Whoever makes it even
// again, the reader at the end of the call or the watcher in the middle of it, decides who reads
// on.
type turn struct {
	number atomic.Uint64
	last   atomic.Int64  // ns that the last call took: after a long one they are served apart
	idle   atomic.Bool   // the watcher sleeps until it is woken
	wake   chan struct{} // holds a token at most
}

const (
	longCall  = int64(100 * time.Microsecond)
	briefCall = int64(20 * time.Microsecond) // see backlog
	watchTick = time.Millisecond
	watchLong = 20 // ticks without a call, before the watcher sleeps
)

// errRelieved ends a reader: another has taken over.
var errRelieved = errors.New("another goroutine reads")

// read handles frames until the connection ends, and the process with it; or until it is relieved.
func (s *server) read() {
	for {
		err := s.readOne(true)
		if errors.Is(err, errRelieved) {
			return
		}
		if err != nil {
			s.exit(err)
		}
	}
}

// readOne handles a frame that has come, or waits for more. To read blocks the thread: those that
// are running may run first. Not where the goroutine is tied to its thread, as that of a callback
// is: that would cost two switches of threads.
func (s *server) readOne(yield bool) error {
	f, ok, err := s.in.next()
	switch {
	case err != nil:
		return err
	case ok:
		return s.handle(f)
	case yield && s.running.Load() > 0:
		runtime.Gosched()
	}
	return s.in.fill()
}

func (s *server) serveHere(j *job) error {
	t := &s.turn
	j.here, j.number = true, t.begin()
	s.run(j)
	reads := t.end(j)
	s.done(j)
	if reads {
		return nil
	}
	return errRelieved
}

// end tells whether it is for the thread that serves the call to read: from now on it does.
func (t *turn) end(j *job) bool {
	return j != nil && j.here && t.number.CompareAndSwap(j.number, j.number+1)
}

// begin has the watcher look.
func (t *turn) begin() (number uint64) {
	number = t.number.Add(1)
	t.stir()
	return number
}

// stir wakes the watcher if it sleeps.
func (t *turn) stir() {
	if t.idle.Load() && t.idle.CompareAndSwap(true, false) {
		t.wake <- struct{}{}
	}
}

func (s *server) watch() {
	t := &s.turn
	last, same := t.number.Load(), 0
	for {
		now := t.number.Load()
		busy := s.look()
		switch {
		case now != last:
			last, same = now, 0
		case now%2 == 1:
			if t.number.CompareAndSwap(now, now+1) {
				go s.read()
			}
		case busy || same < watchLong:
			same++
		default:
			same = 0
			t.idle.Store(true)
			if t.number.Load() == now && !s.look() || !t.idle.CompareAndSwap(true, false) {
				<-t.wake
			}
			continue
		}
		time.Sleep(watchTick)
	}
}
