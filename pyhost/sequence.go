package pyhost

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/pyhost/pyhost/cgo"
)

// An iter.Seq, an iter.Seq2 or a channel is a generator to Python. Items cross one by one, when
// they are asked for. A sequence runs on a goroutine of its own, from the first item to the last,
// or until Python drops the generator. (Not by iter.Pull: that ties it to one OS thread or to none,
// and Python may ask from any.) The pairs of an iter.Seq2 are tuples; an error in one is raised
// instead.

// puller is a sequence that hands over one item at a time. Python's generator sees to it that next
// is called by one thread at a time.
type puller struct {
	seq   reflect.Value
	begin sync.Once
	want  chan struct{} // one token for an item
	items chan item     // closed after the last one
	over  chan struct{} // closed by stop
	end   sync.Once
}

// generator is what Python's generator holds of a puller.
type generator struct{ p *puller }

type item struct {
	v   any
	err error
}

// iterator gives what Python's side makes a generator of.
func iterator(v reflect.Value) cgo.Made {
	if v.Kind() == reflect.Chan {
		return cgo.Made{By: "iterate", Args: []any{receiver(v), func() {}}}
	}
	p := &puller{seq: v, want: make(chan struct{}), items: make(chan item),
		over: make(chan struct{})}
	g := &generator{p}
	runtime.AddCleanup(g, (*puller).stop, p) // if a cancellation has kept Python from calling stop
	stop := func() { p.stop(); runtime.KeepAlive(g) }
	return cgo.Made{By: "iterate", Args: []any{p.next, stop}}
}

func receiver(ch reflect.Value) func(context.Context) (bool, any, error) {
	return func(ctx context.Context) (bool, any, error) {
		which, v, ok := reflect.Select([]reflect.SelectCase{
			{Dir: reflect.SelectRecv, Chan: ch},
			{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ctx.Done())}})
		if which == 1 {
			return false, nil, context.Cause(ctx)
		}
		if !ok {
			return false, nil, nil
		}
		return true, v.Interface(), nil
	}
}

func (p *puller) next(ctx context.Context) (more bool, v any, err error) {
	p.begin.Do(func() { go p.run() })
	select {
	case p.want <- struct{}{}:
	case it, ok := <-p.items: // it had panicked, or was over
		return ok, it.v, it.err
	case <-ctx.Done():
		return false, nil, context.Cause(ctx)
	}
	select {
	case it, ok := <-p.items:
		return ok, it.v, it.err
	case <-ctx.Done():
		return false, nil, context.Cause(ctx)
	}
}

func (p *puller) stop() { p.end.Do(func() { close(p.over) }) }

var errExited = errors.New("pyhost: a sequence called runtime.Goexit, maybe by t.FailNow")

// run calls the sequence.
func (p *puller) run() {
	defer close(p.items)
	returned := false
	defer func() {
		if r := recover(); r != nil {
			p.send(item{err: &PanicError{r, debug.Stack()}})
		} else if !returned {
			p.send(item{err: errExited})
		}
	}()
	if !p.wanted() {
		returned = true
		return
	}
	yield := reflect.MakeFunc(p.seq.Type().In(0), func(in []reflect.Value) []reflect.Value {
		more := p.send(itemOf(in)) && p.wanted()
		return []reflect.Value{reflect.ValueOf(more).Convert(p.seq.Type().In(0).Out(0))}
	})
	p.seq.Call([]reflect.Value{yield})
	returned = true
}

func (p *puller) wanted() bool {
	select {
	case <-p.want:
		return true
	case <-p.over:
		return false
	}
}

func (p *puller) send(it item) bool {
	select {
	case p.items <- it:
		return true
	case <-p.over:
		return false
	}
}

func itemOf(in []reflect.Value) item {
	if len(in) == 1 {
		return item{v: in[0].Interface()}
	}
	if in[1].Type() == errorType {
		err, _ := in[1].Interface().(error)
		return item{in[0].Interface(), err}
	}
	return item{v: Tuple{in[0].Interface(), in[1].Interface()}}
}
