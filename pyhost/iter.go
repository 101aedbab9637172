package pyhost

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/pyhost/pyhost/cgo"
)

// Iteration says how [Iter] reads. The zero value is the default.
type Iteration struct {
	// Batch is how many items cross at once, at most: Python is asked for the first one, then for
	// two, for four and so on up to it, and runs that far ahead of the loop. 0 is 256; 1 for a
	// stream whose items are wanted as they come.
	Batch int
	Scope // where an expression is evaluated
}

// Iter gives the items of the iterable that expr evaluates to: a generator, a file, a range, any
// object that iter() takes. Each range over it evaluates expr anew. Leaving the loop closes a
// generator, so that its finally blocks have run before the next statement. An error is given once,
// after the items that came before it, and ends the loop. Any goroutine may range over it; ctx may
// end it between two items.
//
//	for line, err := range pyhost.Iter[string](ctx, rt, "open('/etc/passwd')") {
func Iter[T any](ctx context.Context, r Runner, expr string, how ...Iteration) iter.Seq2[T,
	error] {
	return func(yield func(T, error) bool) {
		var it Iteration
		if len(how) > 0 {
			it = how[0]
		}
		var ref *Ref
		if err := r.Eval(ctx, expr, &ref, it.Scope); err != nil {
			yield(*new(T), err)
			return
		}
		defer ref.Close()
		IterOf[T](ctx, ref, it)(yield)
	}
}

// IterOf is [Iter] over an object. A generator can be ranged over once.
func IterOf[T any](ctx context.Context, ref *Ref, how ...Iteration) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		it, err := take[T](ctx, ref, how)
		if err != nil {
			yield(*new(T), err)
			return
		}
		defer it.ref.Close()
		defer it.close() // also where the loop's body panics
		for !it.done {
			items, err := it.next()
			for _, v := range items {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				it.close()
				yield(*new(T), err)
				return
			}
		}
	}
}

// taker is an iterator that is read in batches: class Taker of callbacks.py.
type taker[T any] struct {
	ctx     context.Context
	rt      caller
	ref     *Ref
	n, most int // size of the next batch, and of the largest
	done    bool
}

func take[T any](ctx context.Context, ref *Ref, how []Iteration) (*taker[T], error) {
	t := &taker[T]{ctx: ctx, n: 1, most: 256}
	if len(how) > 0 && how[0].Batch != 0 {
		t.most = how[0].Batch
	}
	if t.most < 0 {
		return nil, fmt.Errorf("pyhost: Iter: a batch of %d", t.most)
	}
	if ref == nil || ref.held == nil {
		return nil, errors.New("pyhost: Iter over a Ref that refers to nothing")
	}
	t.rt = ref.held.caller()
	return t, t.rt.Call(ctx, "_pyhost.taker", &t.ref, ref)
}

// next gives the items of a batch, and the error that came after them.
func (t *taker[T]) next() ([]T, error) {
	var b struct {
		Items cgo.Leading[T]
		Count int // more than there are items: Python has kept an error for the next call
		Done  bool
	}
	n := min(t.n, t.most)
	t.n = min(2*n, t.most)
	err := t.rt.Call(t.ctx, "_pyhost.take", &b, t.ref, n)
	t.done = b.Done && len(b.Items) == b.Count
	if p := (*cgo.PathError)(nil); errors.As(err, &p) { // one does not fit into a T
		_, inside, _ := strings.Cut(p.Path, "]")
		err = fmt.Errorf("pyhost: %w", &cgo.PathError{Path: "result" + inside, Err: p.Err})
	}
	return b.Items, err
}

// close closes a generator that is not at its end, though ctx may have ended. What it raises then
// goes to sys.unraisablehook: the loop is over.
func (t *taker[T]) close() {
	if t.done {
		return
	}
	t.done = true
	_ = t.rt.Call(context.WithoutCancel(t.ctx), "_pyhost.close_taker", nil, t.ref)
}
