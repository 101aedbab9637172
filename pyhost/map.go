package pyhost

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
)

// MapOptions says how Map works.
type MapOptions struct {
	Ahead int // calls begun before their results are asked for; 0: twice GOMAXPROCS
	// Chunk is the number of arguments that are handed over at once; Python calls the function with
	// each in turn. For functions that take less time than to reach them does: a few microseconds
	// in a pool of interpreters, a hundred in one of processes. 0: one.
	Chunk     int
	AllErrors bool // goes on after an error
}

// Map calls a function with each of the arguments, several at once, and gives the results in their
// order. After the first error it ends, unless AllErrors is set: then each error comes in the place
// of its result. Calls that are under way when the loop is left, or ctx ends, are cancelled. That
// ctx has ended before all are made is an error too. What befalls a chunk as a whole, as the end of
// its worker or a result that does not fit, is the error of each of its arguments that has no
// result yet. Map waits for args, which are asked for on another goroutine: a sequence that waits
// for something should end with ctx.
//
//	for sum, err := range pyhost.Map[int](ctx, pool, "sum", slices.Values(lists)) {
func Map[Out, In any](ctx context.Context, r Runner, name string, args iter.Seq[In],
	opt ...MapOptions) iter.Seq2[Out, error] {
	o := MapOptions{}
	if len(opt) > 0 {
		o = opt[0]
	}
	if o.Ahead <= 0 {
		o.Ahead = 2 * runtime.GOMAXPROCS(0)
	}
	o.Chunk = max(o.Chunk, 1)
	return func(yield func(Out, error) bool) {
		if ctx == nil || len(opt) > 1 {
			var none Out
			yield(none, errors.New("pyhost: Map: a context and one MapOptions at most are needed"))
			return
		}
		ctx, stop := context.WithCancel(ctx)
		var calls sync.WaitGroup
		defer calls.Wait()
		defer stop()
		results, cut := begin[Out](ctx, r, name, args, o, &calls)
		if drain(yield, results, o) && *cut {
			yield(*new(Out), cancelError(ctx, name))
		}
	}
}

// chunk is one call's worth of arguments; once done is closed, what came of each.
type chunk[Out, In any] struct {
	args    []In
	done    chan struct{}
	results []Out
	errs    []error
}

// begin begins a call whenever there is room in the channel, which holds their results in order.
// Once that is closed, cut tells that ctx has ended before the arguments have.
func begin[Out, In any](ctx context.Context, r Runner, name string, args iter.Seq[In],
	o MapOptions, calls *sync.WaitGroup) (made <-chan *chunk[Out, In], cut *bool) {
	ahead := make(chan *chunk[Out, In], o.Ahead-1)
	cut = new(bool)
	calls.Go(func() {
		defer close(ahead)
		for some := range chunks(args, o.Chunk) {
			c := &chunk[Out, In]{args: some, done: make(chan struct{})}
			select {
			case ahead <- c:
			case <-ctx.Done():
				*cut = true
				return
			}
			calls.Go(func() {
				defer close(c.done)
				c.call(ctx, r, name, o)
			})
		}
	})
	return ahead, cut
}

func chunks[In any](args iter.Seq[In], size int) iter.Seq[[]In] {
	return func(yield func([]In) bool) {
		some := make([]In, 0, size)
		for arg := range args {
			if some = append(some, arg); len(some) < size {
				continue
			}
			if !yield(some) {
				return
			}
			some = make([]In, 0, size)
		}
		if len(some) > 0 {
			yield(some)
		}
	}
}

func (c *chunk[Out, In]) add(result Out, err error) {
	c.results, c.errs = append(c.results, result), append(c.errs, err)
}

func (c *chunk[Out, In]) call(ctx context.Context, r Runner, name string, o MapOptions) {
	keywords := func(arg In) bool { _, ok := any(arg).(Kw); return ok }
	if o.Chunk > 1 && !slices.ContainsFunc(c.args, keywords) {
		c.callTogether(ctx, r, name, o)
		return
	}
	for _, arg := range c.args {
		var out Out
		err := r.Call(ctx, name, &out, arg)
		if c.add(out, err); err != nil && !o.AllErrors {
			return
		}
	}
}

// callTogether makes one call for all; after an exception another for those that are left.
func (c *chunk[Out, In]) callTogether(ctx context.Context, r Runner, name string, o MapOptions) {
	for len(c.errs) < len(c.args) {
		var got struct {
			Results []Out `py:"results"`
			Raise   *Ref  `py:"raise"` // has the exception of the next one raised
		}
		var none Out
		err := r.Call(ctx, "_pyhost.call_each", &got, name, c.args[len(c.errs):])
		for _, result := range got.Results {
			c.add(result, nil)
		}
		if err != nil {
			for len(c.errs) < len(c.args) {
				c.add(none, err)
			}
		}
		if got.Raise != nil {
			c.add(none, got.Raise.Call(ctx, nil))
			got.Raise.Close()
			if !o.AllErrors {
				return
			}
		}
	}
}

// drain gives the results. It is false when the loop is over before them.
func drain[Out, In any](yield func(Out, error) bool, made <-chan *chunk[Out, In],
	o MapOptions) bool {
	for c := range made {
		<-c.done
		for i, err := range c.errs {
			if !yield(c.results[i], err) || err != nil && !o.AllErrors {
				return false
			}
		}
	}
	return true
}
