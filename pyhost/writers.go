package pyhost

import (
	"cmp"
	"slices"
	"sync"

	"github.com/pyhost/pyhost/cgo"
)

// writers are the pieces of memory of the Views that may be written to, in order. No two of them
// overlap, whichever runtimes they are of: two goroutines cannot both be told that what they write
// to is theirs.
var writers pieces

type pieces struct {
	mu  sync.Mutex
	all []piece // guarded by mu
}

type piece struct{ from, to uintptr }

// place is where a piece that begins at an address belongs.
func (p *pieces) place(from uintptr) (int, bool) {
	return slices.BinarySearchFunc(p.all, from, func(x piece, from uintptr) int {
		return cmp.Compare(x.from, from)
	})
}

func (p *pieces) add(v cgo.View) error {
	x := piece{uintptr(v.Data()), uintptr(v.Data()) + uintptr(v.Len())}
	p.mu.Lock()
	defer p.mu.Unlock()
	i, same := p.place(x.from)
	if same || i > 0 && p.all[i-1].to > x.from || i < len(p.all) && p.all[i].from < x.to {
		return ErrOverlap
	}
	p.all = slices.Insert(p.all, i, x)
	return nil
}

func (p *pieces) remove(v cgo.View) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, ok := p.place(uintptr(v.Data())); ok {
		p.all = slices.Delete(p.all, i, i+1)
	}
}
