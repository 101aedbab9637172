//go:build linux

package process

import (
	"sync"

	"github.com/pyhost/pyhost/cgo"
)

// objects are those that the other side has Refs to. One reference is owned for each object; how
// many the other side has is counted.
type objects struct {
	mu   sync.Mutex
	held map[cgo.Ptr]*object
}

type object struct{ refs, uses int }

// add takes a reference that was handed over.
func (o *objects) add(p cgo.Ptr, in *cgo.Interp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if obj := o.held[p]; obj != nil {
		obj.refs++
		in.DecrefLater(p)
		return
	}
	o.held[p] = &object{refs: 1}
}

// hold keeps an object while a call uses it.
func (o *objects) hold(p cgo.Ptr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.held[p]
	if obj != nil {
		obj.uses++
	}
	return obj != nil
}

func (o *objects) unhold(p cgo.Ptr, in *cgo.Interp) { o.less(p, 0, 1, in) }

// release is for an object that the other side may have made up, too.
func (o *objects) release(p cgo.Ptr, in *cgo.Interp) { o.less(p, 1, 0, in) }

func (o *objects) less(p cgo.Ptr, refs, uses int, in *cgo.Interp) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.held[p]
	if obj == nil {
		return
	}
	obj.refs -= refs
	obj.uses -= uses
	if obj.refs <= 0 && obj.uses <= 0 {
		delete(o.held, p)
		in.DecrefLater(p)
	}
}
