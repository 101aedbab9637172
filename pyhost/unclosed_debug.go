//go:build pydebug

package pyhost

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// origin says where a Ref was made.
type origin [24]uintptr

// origins counts the Refs of a runtime that were not closed, by where they were made. It grows with
// the number of such places, not of Refs.
type origins struct {
	mu     sync.Mutex
	counts map[origin]*Unclosed // without the stack; guarded by mu
}

func (o *origin) opened(rt *Runtime) {
	runtime.Callers(4, o[:])
	rt.account(o, 1, 0)
}

func (o *origin) closed(rt *Runtime) { rt.account(o, -1, 0) }

// lost: the collector has found it.
func (o *origin) lost(rt *Runtime) { rt.account(o, -1, 1) }

// account of a Ref to an object in another process is not taken.
func (rt *Runtime) account(at *origin, open, collected int) {
	if rt != nil {
		rt.origins.account(at, open, collected)
	}
}

func (o *origins) account(at *origin, open, collected int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts = map[origin]*Unclosed{}
	}
	u := o.counts[*at]
	if u == nil {
		u = &Unclosed{}
		o.counts[*at] = u
	}
	u.Open += open
	u.Collected += collected
}

func (o *origins) list() (list []Unclosed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, u := range o.counts {
		if u.Open+u.Collected > 0 {
			list = append(list, Unclosed{u.Open, u.Collected, at.stack()})
		}
	}
	slices.SortFunc(list, func(a, b Unclosed) int {
		return cmp.Or(b.Open+b.Collected-a.Open-a.Collected, strings.Compare(a.Stack, b.Stack))
	})
	return list
}

// stack begins where the program called this package.
func (o origin) stack() string {
	var s strings.Builder
	frames := runtime.CallersFrames(o[:])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		ours := strings.HasPrefix(f.Function, "github.com/pyhost/pyhost/pyhost.")
		if f.Function != "" && !(ours && s.Len() == 0) {
			fmt.Fprintf(&s, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
	}
	return s.String()
}

func (o *origins) report() {
	for _, u := range o.list() {
		fmt.Fprintf(os.Stderr, "pyhost: never closed: %v", u)
	}
}
