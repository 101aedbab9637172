package pyhost

import (
	"sync/atomic"

	"github.com/pyhost/pyhost/cgo"
)

// scope owns the objects that are made while it is the innermost of its Thread. Only the goroutine
// of the Thread touches it, after a crossing has found that it is the one; others, by mistake, look
// at ended.
type scope struct {
	th    *Thread
	outer *scope // nil: that of the Thread itself, which ends with its Release
	objs  []cgo.Ptr
	ended atomic.Bool
}

// all gives the objects of the scope and of those around it.
func (s *scope) all() []cgo.Ptr {
	if s.outer == nil {
		return s.objs
	}
	return append(s.outer.all(), s.objs...)
}

func (s *scope) endAll() {
	for ; s != nil; s = s.outer {
		s.ended.Store(true)
		s.objs = nil
	}
}

// Scope runs fn and gives back the Objects that were made in it, whatever fn does. One may be
// carried out by [Object.Escape], or by [Object.Keep]. Scopes may be nested.
func (th *Thread) Scope(fn func() error) (err error) {
	if err := th.check("Scope"); err != nil {
		return err
	}
	if !th.rt.in.Holds(&th.call.frame) {
		return misused("Scope", ErrWrongThread)
	}
	sc := th.begin()
	defer func() {
		if e := th.end(sc); err == nil {
			err = e
		}
	}()
	return fn()
}

func (th *Thread) begin() *scope {
	th.scope = &scope{th: th, outer: th.scope, objs: th.spare}
	th.spare = nil
	return th.scope
}

const keepSpare = 1024 // a longer list is left to the collector

// end ends a scope, and those within it that were left open.
func (th *Thread) end(sc *scope) error {
	var err error
	for !sc.ended.Load() {
		s := th.scope
		th.scope = s.outer
		s.ended.Store(true)
		if th.rt.in.Release(&th.call.frame, s.objs) != cgo.StatusOK {
			s.outer.objs = append(s.outer.objs, s.objs...) // they go with the outer one
			err = misused("end of a Scope", ErrWrongThread)
		}
		if cap(s.objs) <= keepSpare {
			th.spare = s.objs[:0]
		}
		s.objs = nil
	}
	return err
}

const slabSize = 32 // handles that are allocated at once

// own makes a handle to a new reference; the innermost scope will give it back.
func (th *Thread) own(p cgo.Ptr) *Object { return th.scope.own(p) }

func (s *scope) own(p cgo.Ptr) *Object {
	s.objs = append(s.objs, p)
	th := s.th
	if th.used == len(th.slab) {
		th.slab, th.used = make([]Object, slabSize), 0
	}
	o := &th.slab[th.used]
	th.used++
	o.scope, o.ptr = s, p
	return o
}

// Escape makes a handle to the object that lives one scope longer: until the scope around its own
// ends. Where there is none around it, it is the object itself.
func (o *Object) Escape() (*Object, error) {
	th, err := o.thread("Escape")
	if err != nil {
		return nil, err
	}
	if o.scope.outer == nil && th.rt.in.Holds(&th.call.frame) {
		return o, nil
	}
	if err := statusError(th.rt.in.Incref(&th.call.frame, o.ptr)); err != nil {
		return nil, misused("Escape", err)
	}
	return o.scope.outer.own(o.ptr), nil
}

// Keep makes a [Ref], which outlives the Thread. It panics if the Object cannot be used here.
func (o *Object) Keep() *Ref {
	th, err := o.thread("Keep")
	if err != nil {
		panic(err)
	}
	if err := statusError(th.rt.in.Incref(&th.call.frame, o.ptr)); err != nil {
		panic(misused("Keep", err))
	}
	return newRef(th.rt, o.ptr, "object")
}

// thread is the Thread that the object belongs to, unless it is gone.
func (o *Object) thread(what string) (*Thread, error) {
	if o == nil || o.scope == nil {
		return nil, misused(what, ErrNoObject)
	}
	if o.scope.ended.Load() {
		return nil, misused(what, o.scope.gone())
	}
	return o.scope.th, nil
}

// usable is thread without the reason why not: nil.
func (o *Object) usable() *Thread {
	if o == nil || o.scope == nil || o.scope.ended.Load() {
		return nil
	}
	return o.scope.th
}

func (s *scope) gone() error {
	if s.th.released.Load() {
		return ErrReleased
	}
	return ErrScopeEnded
}

func (o *Object) borrow(c *call) (cgo.Ptr, error) {
	if o == nil || o.scope == nil {
		return 0, ErrNoObject
	}
	th := o.scope.th
	if th.rt != c.rt {
		return 0, ErrOtherRuntime
	}
	if o.scope.ended.Load() {
		return 0, o.scope.gone()
	}
	// The crossing itself sees whether the Thread that performs it is attached.
	if th != c.th && !c.rt.in.Holds(&th.call.frame) {
		return 0, ErrWrongThread
	}
	return o.ptr, nil
}
