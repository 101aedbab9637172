package pyhost

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/pyhost/pyhost/cgo"
)

// names are the names to be called that have been prepared. A call looks into recent, without a
// lock and without hashing the name; what is not there is in known.
type names struct {
	recent [256]atomic.Pointer[prepared]
	mu     sync.Mutex
	known  map[string]*prepared // guarded by mu; grows up to maxNames
}

type prepared struct {
	name string
	id   cgo.Name
}

const maxNames = 4096 // beyond that a name is prepared for each call

// The length and the last letters tell names apart well enough.
func slot(name string) int {
	n := len(name)
	if n < 4 {
		return n * 61 & 255
	}
	return (int(name[n-1]) ^ int(name[n-2])<<2 ^ int(name[n-3])<<4 ^ int(name[0])<<1 ^ n<<3) & 255
}

// get prepares a name. The caller frees one that is for once only.
func (n *names) get(name string) (id cgo.Name, once bool, err error) {
	if p := n.recent[slot(name)].Load(); p != nil && p.name == name {
		return p.id, false, nil
	}
	return n.find(name)
}

func (n *names) find(name string) (id cgo.Name, once bool, err error) {
	if name == "" || hasNUL(name) || !utf8.ValidString(name) ||
		strings.Contains("."+name+".", "..") {
		return 0, false, fmt.Errorf("pyhost: %q is not a dotted name", name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p, ok := n.known[name]
	if !ok {
		once = len(n.known) >= maxNames
		if id = cgo.NewName(name, once); id == 0 {
			return 0, false, ErrNoMemory
		}
		if once {
			return id, true, nil
		}
		if n.known == nil {
			n.known = map[string]*prepared{}
		}
		p = &prepared{strings.Clone(name), id}
		n.known[p.name] = p
	}
	n.recent[slot(name)].Store(p)
	return p.id, false, nil
}

// free gives the prepared names back, when no call will come any more.
func (n *names) free(in *cgo.Interp) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.recent {
		n.recent[i].Store(nil)
	}
	for _, p := range n.known {
		in.FreeName(p.id)
	}
	n.known = nil
}
