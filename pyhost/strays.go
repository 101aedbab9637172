package pyhost

import (
	"sync"
	"time"
)

// strays are calls of Go functions by threads that Python has made: they hold no place of the gate,
// so Close would not know of them. mu guards all.
type strays struct {
	mu      sync.Mutex
	running int
	closed  bool
	idle    chan struct{} // closed when none runs, and none will
}

func (s *strays) init() { s.idle = make(chan struct{}) }

// enter is false after close.
func (s *strays) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running++
	}
	return !s.closed
}

func (s *strays) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 && s.closed {
		close(s.idle)
	}
}

// close lets none in any more, waits for those that run, and returns how many did not end.
func (s *strays) close(limit time.Duration) int {
	s.mu.Lock()
	if !s.closed && s.running == 0 {
		close(s.idle)
	}
	s.closed = true
	s.mu.Unlock()
	select {
	case <-s.idle:
	case <-time.After(limit):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}
