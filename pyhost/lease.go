package pyhost

import (
	"context"

	"github.com/jackc/puddle/v2"
)

// Lease is a runtime of the pool that its holder alone uses, until Release.
type Lease[R Runner] struct {
	p   *Pool[R]
	res *puddle.Resource[*member[R]] // nil once it is released
}

// Acquire waits for a runtime that is idle.
func (p *Pool[R]) Acquire(ctx context.Context) (*Lease[R], error) {
	res, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &Lease[R]{p, res}, nil
}

// TryAcquire is Acquire if a runtime is idle and nobody waits; else it gives nil.
func (p *Pool[R]) TryAcquire() *Lease[R] {
	if p.waiting.Load() > 0 {
		return nil
	}
	res := p.hot.Swap(nil)
	if res == nil {
		var err error
		if res, err = p.puddle.TryAcquire(p.ctx); err != nil {
			return nil
		}
	}
	p.count(res, 1)
	return &Lease[R]{p, res}
}

// Used notes that the lease serves more than one call.
func (l *Lease[R]) Used(calls int) {
	if l.res != nil {
		l.p.count(l.res, calls-1)
	}
}

// Due tells whether the runtime will be renewed after Release, if that comes now.
func (l *Lease[R]) Due() bool { return l.res != nil && l.p.due(l.res.Value()) }

// Runtime is the one that is leased.
func (l *Lease[R]) Runtime() R {
	if l.res == nil {
		panic("pyhost: Lease used after Release")
	}
	return l.res.Value().rt
}

// Renew has the runtime replaced by a new one after Release.
func (l *Lease[R]) Renew() {
	if l.res != nil {
		l.res.Value().stale = true
	}
}

// Release gives the runtime back. Once is enough.
func (l *Lease[R]) Release() {
	if l != nil && l.res != nil {
		l.p.release(l.res)
		l.res = nil
	}
}
