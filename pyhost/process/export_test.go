//go:build linux

package process

// Known is how many functions and values of Go the worker knows.
func (rt *Runtime) Known() (funcs, values int) {
	rt.mu.Lock()
	w := rt.cur
	rt.mu.Unlock()
	if w == nil {
		return 0, 0
	}
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	return len(w.table.funcs), len(w.table.values)
}
