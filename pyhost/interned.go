package pyhost

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// interned are the names of attributes as objects, which Python finds faster than by their text. An
// access looks into recent, without a lock; what is not there is in known.
type interned struct {
	recent [256]atomic.Pointer[attribute]
	mu     sync.Mutex            // never held across a crossing
	known  map[string]*attribute // guarded by mu; grows up to maxNames
}

type attribute struct {
	name string
	ptr  cgo.Ptr // a strong reference
}

// get gives one that was in use of late, or 0.
func (t *interned) get(name string) cgo.Ptr {
	if a := t.recent[slot(name)].Load(); a != nil && a.name == name {
		return a.ptr
	}
	return 0
}

// attribute gives the name as an object, or 0 where there are too many of them. On the goroutine of
// the Thread.
func (th *Thread) attribute(name string) cgo.Ptr {
	t := &th.rt.interned
	if p := t.get(name); p != 0 {
		return p
	}
	t.mu.Lock()
	a, full := t.known[name], len(t.known) >= maxNames
	t.mu.Unlock()
	if a == nil && full {
		return 0
	}
	if a == nil {
		x := cgo.Operate(cgo.DoIntern)
		x.XText(name)
		r, err := th.perform("", 0, &x)
		if err != nil {
			return 0 // the operation itself meets the same
		}
		a = t.add(th.rt.in, &attribute{strings.Clone(name), cgo.Ptr(r.Obj())})
	}
	t.recent[slot(name)].Store(a)
	return a.ptr
}

// add takes a new one, unless another goroutine was faster.
func (t *interned) add(in *cgo.Interp, a *attribute) *attribute {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.known[a.name]; old != nil {
		in.DecrefLater(a.ptr)
		return old
	}
	if t.known == nil {
		t.known = map[string]*attribute{}
	}
	t.known[a.name] = a
	return a
}

// free gives the names back, when no Thread will come any more.
func (t *interned) free(in *cgo.Interp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.recent {
		t.recent[i].Store(nil)
	}
	for _, a := range t.known {
		in.DecrefLater(a.ptr)
	}
	t.known = nil
}
