package cgo

import (
	"reflect"
	"sync"
	"sync/atomic"
)

// byType keeps what is made of a type once, such as its encoder.
type byType[F any] struct{ made sync.Map } // reflect.Type -> F

// get makes it at first use. While it is being made others get later(wait), and so does it itself
// where the type holds itself: what wait returns is there once it is made.
func (c *byType[F]) get(t reflect.Type, later func(wait func() F) F, create func() F) F {
	if f, ok := c.made.Load(t); ok {
		return f.(F)
	}
	var done atomic.Bool // spares those who come later the look at the channel
	var made F
	ready := make(chan struct{})
	wait := func() F {
		if !done.Load() {
			<-ready
		}
		return made
	}
	if f, loaded := c.made.LoadOrStore(t, later(wait)); loaded {
		return f.(F)
	}
	made = create()
	done.Store(true)
	close(ready)
	c.made.Store(t, made)
	return made
}
