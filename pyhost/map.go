package pyhost

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
)

// MapOptions says how Map works.
type MapOptions struct {
	Ahead     int  // calls begun before their results are asked for; 0: twice GOMAXPROCS
	AllErrors bool // goes on after an error
}

// Map calls a function with each of the arguments, several at once, and gives the results in their
// order. After the first error it ends, unless AllErrors is set: then each error comes in the place
// of its result. Calls that are under way when the loop is left, or ctx ends, are cancelled. That
// ctx has ended before all are made is an error too. Map waits for args, which are asked for on
// another goroutine: a sequence that waits for something should end with ctx.
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

// result of one call, once done is closed.
type result[Out any] struct {
	done chan struct{}
	out  Out
	err  error
}

// begin begins a call whenever there is room in the channel, which holds their results in order.
// Once that is closed, cut tells that ctx has ended before the arguments have.
func begin[Out, In any](ctx context.Context, r Runner, name string, args iter.Seq[In],
	o MapOptions, calls *sync.WaitGroup) (results <-chan *result[Out], cut *bool) {
	ahead := make(chan *result[Out], o.Ahead-1)
	cut = new(bool)
	calls.Go(func() {
		defer close(ahead)
		for arg := range args {
			res := &result[Out]{done: make(chan struct{})}
			select {
			case ahead <- res:
			case <-ctx.Done():
				*cut = true
				return
			}
			calls.Go(func() {
				defer close(res.done)
				res.err = r.Call(ctx, name, &res.out, arg)
			})
		}
	})
	return ahead, cut
}

// drain gives the results. It is false when the loop is over before them.
func drain[Out any](yield func(Out, error) bool, results <-chan *result[Out], o MapOptions) bool {
	for res := range results {
		<-res.done
		if !yield(res.out, res.err) || res.err != nil && !o.AllErrors {
			return false
		}
	}
	return true
}
