package pyhost

import (
	"time"

	"github.com/jackc/puddle/v2"
)

func (p *Pool[R]) due(m *member[R]) bool {
	return m.stale || p.cfg.MaxCalls > 0 && m.calls >= p.cfg.MaxCalls ||
		p.cfg.MaxAge > 0 && time.Since(m.since) >= p.cfg.MaxAge ||
		p.cfg.Due != nil && p.cfg.Due(m.rt)
}

// beginRenewal refuses once the pool is closed.
func (p *Pool[R]) beginRenewal(res *puddle.Resource[*member[R]]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.renewal.Go(func() { p.renew(res) })
	return true
}

// renew puts a new runtime in the member's place, then closes the old one. If there is no new one
// the old one goes on, as if it were new.
func (p *Pool[R]) renew(res *puddle.Resource[*member[R]]) {
	m := res.Value()
	rt, err := p.cfg.Start(p.ctx)
	m.calls, m.since, m.stale = 0, time.Now(), false
	if err != nil {
		p.stats.failed.Add(1)
		res.Release()
		return
	}
	p.mu.Lock()
	old := m.rt
	m.rt = rt
	m.renewals++
	p.mu.Unlock()
	p.stats.renewed.Add(1)
	res.Release()
	_ = old.Close() // what it leaves behind is its own, and the main interpreter's Close tells
}
