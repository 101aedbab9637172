//go:build linux

package shm

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Manager makes segments that go when it does: by Close, and whatever ends the program, kill -9
// too. It is what SharedMemoryManager is in Python. Any goroutine may use it.
//
// All its segments have names of one prefix, and it holds a lock on a file, which the kernel frees
// when the program ends, however it ends. Two wait for that. A watchdog, a small process of the
// Manager's, blocks on the lock, unlinks what has the prefix as soon as it gets it, and ends. And
// the next NewManager of any program of this user sees to the locks that are free, in case
// something has ended the watchdog together with the program: systemd and container runtimes end
// all that belongs to a service. The memory of segments of a container goes with the container.
//
// A watchdog that ends alone is replaced. It is the program itself, started again: importing this
// package is enough, and main is not reached. It is in a session of its own, so that Ctrl-C does
// not end it, and takes a few MB, most of which it shares with the program.
//
// What keeps the lock too is a child that C code forks and that does not exec: the segments stay
// until it ends. When the program itself execs another one, they go.
type Manager struct {
	owner *owner
	made  atomic.Int64

	mu   sync.RWMutex // held to close done and to change dog; shared, to make a segment
	done chan struct{}
	dog  *watchdog
	kept chan struct{} // closed when nobody looks after the watchdog any more
}

// NewManager makes a Manager, and removes what programs that have ended left of theirs. It takes
// as long as a Go program takes to start, some 10 ms.
func NewManager() (*Manager, error) {
	reap()
	o, err := newOwner()
	if err != nil {
		return nil, fmt.Errorf("shm: manager: %w", err)
	}
	dog, err := startWatchdog(o.token)
	if err != nil {
		return nil, fmt.Errorf("shm: manager: %w", errors.Join(err, o.release()))
	}
	m := &Manager{owner: o, dog: dog, done: make(chan struct{}), kept: make(chan struct{})}
	go m.keep(dog)
	return m, nil
}

// Create makes a segment; see the function of that name. Its Close and Unlink may be called before
// the Manager's Close, and need not be.
func (m *Manager) Create(size int) (*Segment, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.over() {
		return nil, fmt.Errorf("shm: manager: %w", ErrClosed)
	}
	return create(m.NewName(), size)
}

// CreateList makes a segment with these items.
func (m *Manager) CreateList(items ...any) (*List, error) { return createList(m.Create, items) }

// NewName is a name for a segment that somebody else is to make, such as
// SharedMemory(name, create=True, size=n) in Python: the Manager unlinks it too.
func (m *Manager) NewName() string {
	return fmt.Sprintf("%s%d", m.owner.prefix(), m.made.Add(1))
}

// Close unlinks all segments of the Manager. Those that are mapped stay mapped. A second Close is
// ErrClosed.
func (m *Manager) Close() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	if m.over() {
		m.mu.Unlock()
		return fmt.Errorf("shm: manager: %w", ErrClosed)
	}
	close(m.done)
	dog := m.dog
	m.mu.Unlock()
	err := m.owner.release()
	dog.stop()
	<-m.kept
	if err != nil {
		return fmt.Errorf("shm: manager: %w", err)
	}
	return nil
}

// keep replaces a watchdog that ends before the Manager does.
func (m *Manager) keep(dog *watchdog) {
	defer close(m.kept)
	for dog.wait(); !m.over(); {
		if dog = m.replace(); dog != nil {
			dog.wait()
			continue
		}
		select {
		case <-m.done:
		case <-time.After(retryPause):
		}
	}
}

// retryPause is for when no watchdog can be started, such as when there are too many processes.
const retryPause = 100 * time.Millisecond

// over: a Manager that is not of NewManager is, too.
func (m *Manager) over() bool {
	if m.done == nil {
		return true
	}
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// replace returns nil if no watchdog could be started, or none is to be.
func (m *Manager) replace() *watchdog {
	dog, err := startWatchdog(m.owner.token)
	if err != nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over() { // Close has stopped the one before
		dog.stop()
	}
	m.dog = dog
	return dog
}
