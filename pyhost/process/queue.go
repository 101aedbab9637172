//go:build linux

package process

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// queue hands the workers of a pool to calls. A worker is leased to one call, or, where calls are
// short and many wait, to a batch of them: they are on its socket together, and its gate runs them
// one by one. One that has ended passes its place on to the next for a while. One that has to wait
// there after all is recalled, and is the next to get a worker of its own.
type queue struct {
	pool *pyhost.Pool[*Runtime]
	size int // of the pool
	most int // that may wait; 0: any number

	mu      sync.Mutex
	waiting []*ticket // first in, first out; guarded by mu, as are the rest
	drivers int       // goroutines that wait for a worker on behalf of the tickets
	mean    time.Duration
	refused uint64
}

// ticket is a call that waits for a worker.
type ticket struct {
	got   chan *batch // nil: the pool is closed
	alone bool        // it was recalled before
}

// batch are calls that have a worker together.
type batch struct {
	lease  *pyhost.Lease[*Runtime]
	since  time.Time
	places int          // calls at a time
	left   atomic.Int32 // places that are in use
	calls  int          // so far; guarded by queue.mu
}

func newBatch(lease *pyhost.Lease[*Runtime], places int) *batch {
	b := &batch{lease: lease, places: places, calls: places, since: time.Now()}
	b.left.Store(int32(places))
	return b
}

const (
	batchTime = time.Millisecond // that a batch should take, by what calls took so far
	batchMost = 64
	leaseTime = 5 * batchTime // after which no place is passed on
)

type recallKey struct{}

func (q *queue) run(ctx context.Context, fn func(context.Context, *Runtime) error) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	t := &ticket{got: make(chan *batch, 1)}
	for {
		b, err := q.acquire(ctx, t)
		if err != nil {
			return err
		}
		shared := ctx
		if b.places > 1 {
			shared = context.WithValue(ctx, recallKey{}, true)
		}
		if err = q.on(shared, b, fn); !errors.Is(err, errRecalled) {
			return err
		}
		t.alone = true
	}
}

// on gives the worker back though fn panics, as a Marshaler may.
func (q *queue) on(ctx context.Context, b *batch,
	fn func(context.Context, *Runtime) error) (err error) {
	well := false
	defer func() { q.finish(b, well) }()
	err = fn(ctx, b.lease.Runtime())
	well = err == nil
	return err
}

func (q *queue) acquire(ctx context.Context, t *ticket) (*batch, error) {
	q.mu.Lock()
	if len(q.waiting) == 0 {
		if lease := q.pool.TryAcquire(); lease != nil {
			q.mu.Unlock()
			return newBatch(lease, 1), nil
		}
	}
	if q.most > 0 && len(q.waiting) >= q.most && !t.alone {
		q.refused++
		q.mu.Unlock()
		return nil, pyhost.ErrOverloaded
	}
	if t.alone {
		q.waiting = append([]*ticket{t}, q.waiting...)
	} else {
		q.waiting = append(q.waiting, t)
	}
	q.drive()
	q.mu.Unlock()
	select {
	case b := <-t.got:
		if b == nil {
			return nil, pyhost.ErrClosed
		}
		return b, nil
	case <-ctx.Done():
		q.leave(t)
		return nil, pyhost.NewCancelError(ctx, "pool")
	}
}

// leave takes a ticket out; if it has got a worker meanwhile it gives it back.
func (q *queue) leave(t *ticket) {
	q.mu.Lock()
	for i, other := range q.waiting {
		if other == t {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			q.mu.Unlock()
			return
		}
	}
	q.mu.Unlock()
	if b := <-t.got; b != nil {
		q.finish(b, true)
	}
}

// drive sees that a goroutine waits for a worker, for each that tickets could use. Under mu.
func (q *queue) drive() {
	if q.drivers < min(len(q.waiting), q.size) {
		q.drivers++
		go q.driver()
	}
}

func (q *queue) driver() {
	lease, err := q.pool.Acquire(context.Background())
	q.mu.Lock()
	q.drivers--
	if err != nil { // the pool is closed
		for _, t := range q.waiting {
			t.got <- nil
		}
		q.waiting = nil
		q.mu.Unlock()
		return
	}
	tickets := q.take()
	q.drive()
	q.mu.Unlock()
	if len(tickets) == 0 {
		lease.Release()
		return
	}
	lease.Used(len(tickets))
	b := newBatch(lease, len(tickets))
	for _, t := range tickets {
		t.got <- b
	}
}

// take gives those that get one worker now: as many as will take a short time, of all that wait the
// worker's share. Under mu.
func (q *queue) take() []*ticket {
	n := 1
	if q.mean > 0 {
		share := (len(q.waiting) + q.size - 1) / q.size
		n = min(int(batchTime/q.mean), share, batchMost)
	}
	n = min(max(n, 1), len(q.waiting))
	if n > 0 && q.waiting[0].alone {
		n = 1
	}
	tickets := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return tickets
}

// finish is called by each call of a batch. The last gives the worker back.
func (q *queue) finish(b *batch, well bool) {
	if well && q.pass(b) || b.left.Add(-1) > 0 {
		return
	}
	q.mu.Lock()
	took := time.Since(b.since) / time.Duration(b.calls)
	q.mean = (7*q.mean + took) / 8
	q.mu.Unlock()
	b.lease.Release()
}

// pass gives the place of a call that has ended to the first that waits, if calls are short.
func (q *queue) pass(b *batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.waiting[0].alone || q.mean == 0 || q.mean > batchTime/2 ||
		time.Since(b.since) > leaseTime {
		return false
	}
	t := q.waiting[0]
	q.waiting = q.waiting[1:]
	b.calls++
	b.lease.Used(2)
	t.got <- b
	return true
}

func (q *queue) figures() (waiting int, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.refused
}
