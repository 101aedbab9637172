//go:build linux

package process

import "sync"

// backlog are the calls that have come while others are served. As long as calls are short one
// goroutine serves them one after the other: on goroutines of their own each would cost two
// switches and a turn at the gate, which take longer than a call of nothing. When one takes long
// after all, or calls a Go function and so waits for the program, those behind it are served apart;
// the watcher sees to that.
type backlog struct {
	wake chan struct{} // holds a token at most: for the goroutine that has served the last ones

	mu     sync.Mutex
	jobs   []*job // first in, first out; guarded by mu, as are the rest
	server uint64 // the number of the goroutine that serves them, while busy
	busy   bool
	parked bool   // one waits for wake
	begun  uint64 // jobs so far
	seen   uint64 // begun, when the watcher looked last
}

// queue has a job served after those that came before.
func (s *server) queue(j *job) {
	b := &s.backlog
	b.mu.Lock()
	b.jobs = append(b.jobs, j)
	began, parked := !b.busy, b.parked
	if began {
		b.busy, b.parked = true, false
	}
	if began && !parked {
		b.server++
		go s.serveBacklog(b.server)
	}
	b.mu.Unlock()
	if began && parked {
		b.wake <- struct{}{}
	}
	if began {
		s.turn.stir()
	}
}

// serveBacklog serves until another has taken its place.
func (s *server) serveBacklog(server uint64) {
	for {
		j, ok := s.backlog.next(server)
		if !ok {
			return
		}
		if j == nil {
			<-s.backlog.wake
			continue
		}
		s.run(j)
		reads := s.turn.end(j) // since it has called a Go function
		s.done(j)
		if reads {
			s.disperse(server)
			s.read()
			return
		}
	}
}

// next gives the next job, nil if there is none and the goroutine is to wait, or false if it is to
// end.
func (b *backlog) next(server uint64) (j *job, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.server != server:
		return nil, false
	case len(b.jobs) == 0:
		b.busy, b.parked, b.jobs = false, true, nil
		return nil, true
	}
	j = b.jobs[0]
	b.jobs[0] = nil
	b.jobs = b.jobs[1:]
	b.begun++
	return j, true
}

// disperse has what waits served apart, and the goroutine that serves no more.
func (s *server) disperse(server uint64) {
	b := &s.backlog
	b.mu.Lock()
	if !b.busy || b.server != server {
		b.mu.Unlock()
		return
	}
	jobs := b.jobs
	b.jobs, b.busy = nil, false
	b.server++ // of nobody
	b.mu.Unlock()
	for _, j := range jobs {
		s.serveApart(j)
	}
}

// scatter is disperse for whoever makes those behind it wait.
func (s *server) scatter() {
	s.backlog.mu.Lock()
	server := s.backlog.server
	s.backlog.mu.Unlock()
	s.disperse(server)
}

// look is for the watcher, once a tick. It tells whether there is something to watch.
func (s *server) look() bool {
	b := &s.backlog
	b.mu.Lock()
	busy, server := b.busy, b.server
	stuck := busy && b.begun == b.seen && len(b.jobs) > 0
	b.seen = b.begun
	b.mu.Unlock()
	if stuck {
		s.disperse(server)
	}
	return busy
}
