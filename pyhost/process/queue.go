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
// one by one. One that has to wait there after all is recalled, and is the next to get a worker of
// its own.
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
	lease *pyhost.Lease[*Runtime]
	since time.Time
	size  int
	left  atomic.Int32
}

func newBatch(lease *pyhost.Lease[*Runtime], calls int) *batch {
	b := &batch{lease: lease, size: calls, since: time.Now()}
	b.left.Store(int32(calls))
	return b
}

const (
	batchTime = time.Millisecond // that a batch should take, by what calls took so far
	batchMost = 64
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
		if b.size > 1 {
			shared = context.WithValue(ctx, recallKey{}, true)
		}
		err = q.serve(shared, b, fn)
		if !errors.Is(err, errRecalled) {
			return err
		}
		t.alone = true
	}
}

func (q *queue) serve(ctx context.Context, b *batch,
	fn func(context.Context, *Runtime) error) error {
	defer q.finish(b) // also where a Marshaler of the program panics
	return fn(ctx, b.lease.Runtime())
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
		q.finish(b)
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

// finish is called by each call of a batch; the last gives the worker back.
func (q *queue) finish(b *batch) {
	if b.left.Add(-1) > 0 {
		return
	}
	took := time.Since(b.since) / time.Duration(b.size)
	q.mu.Lock()
	q.mean = (7*q.mean + took) / 8
	q.mu.Unlock()
	b.lease.Release()
}

func (q *queue) figures() (waiting int, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.refused
}
