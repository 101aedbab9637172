//go:build linux

package process

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// queue hands the workers of a pool to calls. A worker is leased to one call and the next, or,
// where calls are short and many wait, to a batch of them: they are on its socket together, and its
// gate runs them one by one, so that it need not wait for the program in between. One that has
// ended passes its place on to the next for a while. One that has to wait there for too long, or
// while another worker is idle, is recalled, and is the next to get a worker of its own.
type queue struct {
	pool *pyhost.Pool[*Runtime]
	size int // of the pool
	most int // that may wait; 0: any number

	mu      sync.Mutex
	waiting []*ticket       // first in, first out; guarded by mu, as are the rest
	batches map[*batch]bool // under way
	drivers int             // goroutines that wait for a worker on behalf of the tickets
	mean    time.Duration   // of a call; 0: not known yet
	refused uint64
}

// ticket is a call that waits for a worker.
type ticket struct {
	got   chan *batch // nil: the pool is closed
	alone bool        // it was recalled before
}

// batch are calls that have a worker together.
type batch struct {
	lease    *pyhost.Lease[*Runtime]
	since    time.Time
	patience time.Duration // how long a call may wait in the worker
	long     bool          // calls are: one may join the first
	recalled chan struct{} // closed when those that wait there are to come back

	left, calls int  // under way, and so far; guarded by queue.mu
	closed      bool // nobody joins any more; the same
}

const (
	batchTime   = time.Millisecond // that a batch should take, by what calls took so far
	batchMost   = 64
	recallAfter = 2 * time.Millisecond // and twice the mean
)

// begin makes a batch. Under mu.
func (q *queue) begin(lease *pyhost.Lease[*Runtime], calls int) *batch {
	b := &batch{lease: lease, since: time.Now(), patience: recallAfter + 2*q.mean, long: q.long(),
		recalled: make(chan struct{}), left: calls, calls: calls}
	q.batches[b] = true
	return b
}

// long calls come two at a time: one that runs, and one that waits for its end. Under mu.
func (q *queue) long() bool { return q.mean > batchTime/2 }

// open tells whether a batch may go on with more calls. Others may wait for its worker: it ends in
// time. Under mu.
func (q *queue) open(b *batch) bool {
	return !b.closed && q.mean > 0 && time.Since(b.since) < 5*batchTime+4*q.mean && !b.lease.Due()
}

// recallKey is of the place in a batch that a call has.
type recallKey struct{}

type place struct {
	batch *batch
	first bool // the worker was idle; but the worker may run first what comes second
}

func (q *queue) run(ctx context.Context, fn func(context.Context, *Runtime) error) error {
	if ctx == nil {
		return pyhost.ErrNilContext
	}
	t := &ticket{got: make(chan *batch, 1)}
	for {
		b, first, err := q.acquire(ctx, t)
		if err != nil {
			return err
		}
		shared := ctx
		if !first || b.long {
			shared = context.WithValue(ctx, recallKey{}, place{b, first})
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

// acquire tells too whether the worker was idle.
func (q *queue) acquire(ctx context.Context, t *ticket) (b *batch, first bool, err error) {
	q.mu.Lock()
	if len(q.waiting) == 0 {
		if lease := q.pool.TryAcquire(); lease != nil {
			defer q.mu.Unlock()
			return q.begin(lease, 1), true, nil
		}
		if b := q.join(t); b != nil {
			defer q.mu.Unlock()
			return b, false, nil
		}
	}
	if q.most > 0 && len(q.waiting) >= q.most && !t.alone {
		q.refused++
		q.mu.Unlock()
		return nil, false, pyhost.ErrOverloaded
	}
	q.enqueue(t)
	q.drive()
	q.mu.Unlock()
	select {
	case b := <-t.got:
		if b == nil {
			return nil, false, pyhost.ErrClosed
		}
		return b, false, nil
	case <-ctx.Done():
		q.leave(t)
		return nil, false, pyhost.NewCancelError(ctx, "pool")
	}
}

// enqueue puts those that were recalled before the others, in the order in which they came back.
// Under mu.
func (q *queue) enqueue(t *ticket) {
	at := len(q.waiting)
	if t.alone {
		at = slices.IndexFunc(q.waiting, func(other *ticket) bool { return !other.alone })
		if at < 0 {
			at = len(q.waiting)
		}
	}
	q.waiting = slices.Insert(q.waiting, at, t)
}

// join puts a long call behind one that has a worker to itself. Under mu.
func (q *queue) join(t *ticket) *batch {
	if t.alone {
		return nil
	}
	for b := range q.batches {
		if b.long && b.left == 1 && q.open(b) {
			b.left++
			b.add()
			return b
		}
	}
	return nil
}

// add counts one more call. Under queue.mu.
func (b *batch) add() {
	b.calls++
	b.lease.Used(2)
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
	lease, err := q.pool.Acquire(context.Background()) // which ends with the pool
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
	if len(tickets) == 0 {
		q.mu.Unlock()
		lease.Release()
		return
	}
	b := q.begin(lease, len(tickets))
	lease.Used(len(tickets))
	q.mu.Unlock()
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
		n = min(max(int(batchTime/q.mean), 2), share, batchMost)
	}
	n = min(max(n, 1), len(q.waiting))
	if n > 0 && q.waiting[0].alone {
		n = 1
	}
	tickets := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return tickets
}

// finish is called by each call of a batch: it passes its place on, and the last gives the worker
// back.
func (q *queue) finish(b *batch, well bool) {
	q.mu.Lock()
	if well && len(q.waiting) > 0 && !q.waiting[0].alone && q.open(b) {
		b.add()
		q.waiting[0].got <- b
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		return
	}
	if b.left--; b.left > 0 {
		q.mu.Unlock()
		return
	}
	delete(q.batches, b)
	took := time.Since(b.since) / time.Duration(b.calls)
	if q.mean > 0 {
		took = (7*q.mean + took) / 8
	}
	q.mean = took
	if len(q.waiting) == 0 {
		q.recall()
	}
	q.mu.Unlock()
	b.lease.Release()
}

// recall has the calls come back that wait in one of the workers, since another is idle. Under mu.
func (q *queue) recall() {
	for b := range q.batches {
		if b.left > 1 && !b.closed {
			b.closed = true
			close(b.recalled)
			return
		}
	}
}

func (q *queue) figures() (waiting int, refused uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.refused
}
