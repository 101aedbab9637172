//go:build linux

package process

import (
	"sync"
	"sync/atomic"
)

// table has what Python in a worker knows of Go, by number: functions, and values, which are errors
// that functions have returned. The addresses of Go never leave the program. An entry goes when the
// worker says that Python has no more use for it, or with the worker.
type table struct {
	alive atomic.Int64 // functions

	mu     sync.Mutex
	last   uint64              // number; guarded by mu, as are the rest
	funcs  map[uint64]*newFunc // that were sent
	values map[uint64]any
	over   bool
}

func newTable() *table {
	return &table{funcs: map[uint64]*newFunc{}, values: map[uint64]any{}}
}

func (t *table) number() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	return t.last
}

func (t *table) addFunc(f *newFunc) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.over {
		t.funcs[f.number] = f
		t.alive.Add(1)
	}
}

func (t *table) addValue(v any) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	if !t.over {
		t.values[t.last] = v
	}
	return t.last
}

func (t *table) function(number uint64) *newFunc {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.funcs[number]
}

// goValues are those that a frame names. They are looked up as soon as it has come: the next one
// may tell that Python has dropped them.
type goValues map[uint64]any

func (v goValues) get(number uint64) (any, bool) {
	got, ok := v[number]
	return got, ok
}

func (t *table) lookUp(numbers []uint64) (goValues, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	values := goValues{}
	for _, n := range numbers {
		v, ok := t.values[n]
		if !ok {
			return nil, errProtocol
		}
		values[n] = v
	}
	return values, nil
}

func (t *table) forget(number uint64) error {
	t.mu.Lock()
	f, isFunc := t.funcs[number]
	_, isValue := t.values[number]
	delete(t.funcs, number)
	delete(t.values, number)
	over := t.over
	t.mu.Unlock()
	if isFunc {
		t.alive.Add(-1)
		f.forgotten()
	}
	if !isFunc && !isValue && !over {
		return errProtocol
	}
	return nil
}

// close forgets all.
func (t *table) close() {
	t.mu.Lock()
	funcs := t.funcs
	t.funcs, t.values, t.over = nil, nil, true
	t.mu.Unlock()
	t.alive.Store(0)
	for _, f := range funcs {
		f.forgotten()
	}
}
