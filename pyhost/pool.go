package pyhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"
	"golang.org/x/sync/errgroup"
)

// ErrOverloaded tells that PoolConfig.MaxWaiting goroutines wait for a runtime already.
var ErrOverloaded = errors.New("pyhost: pool is overloaded")

// PoolConfig says how NewPool makes a pool.
type PoolConfig[R Runner] struct {
	// Start makes a runtime of the pool, ready for calls. Goroutines of the pool call it, several
	// at once.
	Start func(ctx context.Context) (R, error)
	// Size is the number of runtimes.
	Size int
	// MaxWaiting bounds the goroutines that wait for a runtime: one more gets ErrOverloaded. 0:
	// only their contexts do.
	MaxWaiting int

	// A runtime is renewed after so many calls, and when it is so old: 0 is never. It is renewed
	// too after a call that had to be abandoned. A new one is made first and takes its place;
	// nobody waits for that but one place of the pool.
	MaxCalls int
	MaxAge   time.Duration
	// Due is asked after a call whether the runtime is to be renewed for another reason. Nil: there
	// is none. It must be quick.
	Due func(R) bool
}

// Pool is a Runner over runtimes of one kind. Any goroutine may use it. Exec, Eval and Call go to
// any that is idle: what shall hold for all of them is for PoolConfig.Start, or for Each.
type Pool[R Runner] struct {
	// Invariants: a member is with puddle (idle), in hot, with one Lease, or with the goroutine
	// that renews it. Whoever is in want says so in waiting before it looks into hot for the last
	// time; whoever fills hot looks at waiting afterwards: so no member stays in hot while somebody
	// waits for it.

	cfg     PoolConfig[R]
	puddle  *puddle.Pool[*member[R]]
	hot     atomic.Pointer[puddle.Resource[*member[R]]] // the one used last, if nobody wants it
	waiting atomic.Int64
	stats   poolCounters
	ctx     context.Context // ends with the pool
	stop    context.CancelFunc

	mu      sync.Mutex
	members map[*member[R]]bool // guarded by mu
	closing sync.Once
	err     error
	renewal sync.WaitGroup
}

// member is one place of the pool and the runtime in it. Whoever holds it may change the rest.
type member[R Runner] struct {
	rt    R
	calls int
	since time.Time
	stale bool // to be renewed

	renewals int // guarded by Pool.mu, as rt is where it is not held
}

type poolCounters struct {
	calls, renewed, failed, overloaded atomic.Uint64
}

// PoolStats are figures of a pool.
type PoolStats struct {
	Size       int    // runtimes
	Idle       int    // that nobody uses
	Waiting    int    // goroutines that wait for one
	Calls      uint64 // so far; each Call, Exec, Eval, Do and lease is one
	Renewed    uint64 // runtimes that were renewed
	Failed     uint64 // renewals that failed; the old runtime went on
	Overloaded uint64 // refused with ErrOverloaded
}

// NewPool starts the runtimes, all at once, and returns when all are ready; or closes them, when
// ctx ends or one fails.
func NewPool[R Runner](ctx context.Context, cfg PoolConfig[R]) (*Pool[R], error) {
	if cfg.Start == nil || cfg.Size < 1 || cfg.Size > math.MaxInt32 || cfg.MaxWaiting < 0 ||
		cfg.MaxCalls < 0 || cfg.MaxAge < 0 {
		return nil, errors.New("pyhost: PoolConfig: Start and a Size of 1 or more are needed, " +
			"and no negative number")
	}
	if ctx == nil {
		return nil, ErrNilContext
	}
	p := &Pool[R]{cfg: cfg, members: map[*member[R]]bool{}}
	p.ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	var err error
	p.puddle, err = puddle.NewPool(&puddle.Config[*member[R]]{
		Constructor: p.newMember,
		Destructor:  func(*member[R]) {}, // Close has closed the runtime
		MaxSize:     int32(cfg.Size),
	})
	if err != nil {
		return nil, fmt.Errorf("pyhost: NewPool: %w", err)
	}
	var g errgroup.Group
	for range cfg.Size {
		g.Go(func() error { return p.puddle.CreateResource(ctx) })
	}
	if err := g.Wait(); err != nil {
		return nil, errors.Join(fmt.Errorf("pyhost: NewPool: %w", err), p.Close())
	}
	return p, nil
}

func (p *Pool[R]) newMember(ctx context.Context) (*member[R], error) {
	rt, err := p.cfg.Start(ctx)
	if err != nil {
		return nil, err
	}
	m := &member[R]{rt: rt, since: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[m] = true
	return m, nil
}

func (p *Pool[R]) acquire(ctx context.Context) (*puddle.Resource[*member[R]], error) {
	if ctx == nil {
		return nil, ErrNilContext
	}
	res := p.hot.Swap(nil)
	if res == nil {
		var err error
		if res, err = p.wait(ctx); err != nil {
			return nil, err
		}
	}
	p.count(res, 1)
	return res, nil
}

func (p *Pool[R]) count(res *puddle.Resource[*member[R]], calls int) {
	p.stats.calls.Add(uint64(calls))
	res.Value().calls += calls
}

func (p *Pool[R]) wait(ctx context.Context) (*puddle.Resource[*member[R]], error) {
	n := p.waiting.Add(1)
	defer p.waiting.Add(-1)
	if p.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if res := p.hot.Swap(nil); res != nil {
		return res, nil
	}
	if res, err := p.puddle.TryAcquire(ctx); err == nil {
		return res, nil
	}
	if p.cfg.MaxWaiting > 0 && n > int64(p.cfg.MaxWaiting) {
		p.stats.overloaded.Add(1)
		return nil, ErrOverloaded
	}
	until, stop := p.untilClosed(ctx)
	defer stop()
	res, err := p.puddle.Acquire(until)
	switch {
	case err == nil && p.ctx.Err() != nil: // the puddle refuses a little later than the pool
		res.Release()
		return nil, ErrClosed
	case errors.Is(err, puddle.ErrClosedPool):
		return nil, ErrClosed
	case err != nil && ctx.Err() != nil:
		return nil, cancelError(ctx, "pool")
	case err != nil && p.ctx.Err() != nil:
		return nil, ErrClosed
	case err != nil:
		return nil, fmt.Errorf("pyhost: pool: %w", err)
	}
	return res, nil
}

// untilClosed is ctx, but ends with the pool: puddle has those that wait go on doing so.
func (p *Pool[R]) untilClosed(ctx context.Context) (context.Context, func()) {
	if ctx.Done() == nil {
		return p.ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

func (p *Pool[R]) release(res *puddle.Resource[*member[R]]) {
	if p.due(res.Value()) && p.beginRenewal(res) {
		return
	}
	if p.ctx.Err() != nil || p.waiting.Load() > 0 || !p.hot.CompareAndSwap(nil, res) {
		res.Release()
		return
	}
	if p.waiting.Load() > 0 || p.ctx.Err() != nil {
		if res := p.hot.Swap(nil); res != nil {
			res.Release()
		}
	}
}

// on runs fn on a runtime that is idle.
func (p *Pool[R]) on(ctx context.Context, fn func(R) error) error {
	res, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer p.release(res) // though a Marshaler, say, panics
	err = fn(res.Value().rt)
	var ce *CancelError
	if err != nil && errors.As(err, &ce) && ce.Abandoned {
		res.Value().stale = true
	}
	return err
}

// Call calls a function in a runtime that is idle. See [Runtime.Call].
func (p *Pool[R]) Call(ctx context.Context, name string, out any, args ...any) error {
	return p.on(ctx, func(rt R) error { return rt.Call(ctx, name, out, args...) })
}

// Eval evaluates an expression in a runtime that is idle.
func (p *Pool[R]) Eval(ctx context.Context, expr string, out any, in ...Scope) error {
	return p.on(ctx, func(rt R) error { return rt.Eval(ctx, expr, out, in...) })
}

// Exec runs code in a runtime that is idle, and in that one only.
func (p *Pool[R]) Exec(ctx context.Context, source string, in ...Scope) error {
	return p.on(ctx, func(rt R) error { return rt.Exec(ctx, source, in...) })
}

// Each runs fn on every runtime of the pool, all at once, those in use too: to change a setting,
// say. It returns when all have ended, with their errors joined. Where one is renewed meanwhile, fn
// runs on the new one too, and that outcome counts; those that are renewed later do not know of it.
func (p *Pool[R]) Each(ctx context.Context, fn func(ctx context.Context, rt R) error) error {
	p.mu.Lock()
	members := slices.Collect(maps.Keys(p.members))
	p.mu.Unlock()
	errs := make([]error, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			for told, now := -1, 0; told != now; _, now = p.runtime(m) {
				var rt R
				rt, told = p.runtime(m)
				errs[i] = fn(ctx, rt)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *Pool[R]) runtime(m *member[R]) (rt R, renewals int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return m.rt, m.renewals
}

// Info describes one of the runtimes.
func (p *Pool[R]) Info() Info {
	p.mu.Lock()
	defer p.mu.Unlock()
	for m := range p.members {
		return m.rt.Info()
	}
	return Info{}
}

// Stats gives the figures of the moment.
func (p *Pool[R]) Stats() PoolStats {
	s := p.puddle.Stat()
	idle := int(s.IdleResources())
	if p.hot.Load() != nil {
		idle++
	}
	return PoolStats{
		Size: p.cfg.Size, Idle: idle, Waiting: int(p.waiting.Load()),
		Calls: p.stats.calls.Load(), Renewed: p.stats.renewed.Load(),
		Failed: p.stats.failed.Load(), Overloaded: p.stats.overloaded.Load(),
	}
}

// Close refuses new calls and closes the runtimes, all at once: their calls end as Close of the
// runtime tells. Later calls return what the first returned.
func (p *Pool[R]) Close() error {
	if p == nil {
		return nil
	}
	p.closing.Do(func() { p.err = p.close() })
	return p.err
}

func (p *Pool[R]) close() error {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	go p.puddle.Close() // refuses at once; ends when the last lease has been given back
	p.renewal.Wait()
	err := p.Each(context.Background(), func(_ context.Context, rt R) error { return rt.Close() })
	if res := p.hot.Swap(nil); res != nil {
		res.Release()
	}
	return err
}
