//go:build linux

package shm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// List is a ShareableList of Python: a list in a segment, whose items can be replaced but whose
// length is fixed. Items are ints of 64 bits, floats, bools, strings, bytes and None; in Go int64,
// float64, bool, string, []byte and nil, and other types of those kinds when they are put in.
//
// A string or bytes take their length, rounded up to the next 8, at least one more; that is how
// long what replaces them may be. What ends in a NUL cannot be kept, for the NULs that fill up the
// rest are not told from it; Python loses them without a word.
//
// Name, Size, Close and Unlink are those of the segment. Any goroutine may use a List, but nothing
// keeps one that reads an item from seeing half of what another writes there.
type List struct {
	*Segment
	layout
}

// layout is where things are in the segment, all numbers in the byte order of the machine:
//
//	int64       n, the number of items
//	int64[n+1]  offsets of the items in data, and of its end
//	data        the items, in multiples of 8 bytes
//	char[8][n]  their formats, as in Python's struct
//	int8[n]     what becomes of them, a code
//
// It is read once, and checked: others may write to the segment at any time.
type layout struct {
	offsets        []int // from the beginning of the segment
	formats, codes int
}

const (
	word    = 8       // the size of a number and of a format
	maxText = 9999992 // as many bytes as fit a format: "9999992s"
)

// CreateList makes a segment with these items; see [Create] for the name.
func CreateList(name string, items ...any) (*List, error) {
	return createList(func(size int) (*Segment, error) { return Create(name, size) }, items)
}

func createList(create func(size int) (*Segment, error), items []any) (*List, error) {
	encoded, size := make([]item, len(items)), word+word
	for i, v := range items {
		var err error
		if encoded[i], err = encode(v); err != nil {
			return nil, fmt.Errorf("shm: list: item %d: %w", i, err)
		}
		size += word + encoded[i].room() + word + 1
	}
	s, err := create(size)
	if err != nil {
		return nil, err
	}
	l := &List{s, place(s.data, encoded)}
	for i, it := range encoded {
		l.put(s.data, i, it)
	}
	return l, nil
}

// place writes what comes before the items.
func place(data []byte, items []item) layout {
	n := len(items)
	binary.NativeEndian.PutUint64(data, uint64(n))
	l := layout{offsets: make([]int, n+1)}
	start := word + word*(n+1)
	l.offsets[0] = start
	for i, it := range items {
		l.offsets[i+1] = l.offsets[i] + it.room()
		binary.NativeEndian.PutUint64(data[word*(i+2):], uint64(l.offsets[i+1]-start))
	}
	l.formats = l.offsets[n]
	l.codes = l.formats + word*n
	return l
}

// OpenList opens a list that Go or Python has made.
func OpenList(name string) (*List, error) {
	s, err := Open(name, 0)
	if err != nil {
		return nil, err
	}
	l, err := find(s.data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("shm: open list %q: %w", name, err), s.Close())
	}
	return &List{s, l}, nil
}

// find reads the layout.
func find(data []byte) (l layout, err error) {
	size := len(data)
	if size < word+word {
		return l, fmt.Errorf("%w: %d bytes", ErrNotList, size)
	}
	count := binary.NativeEndian.Uint64(data)
	if count > uint64(size-word-word)/(word+word+1) {
		return l, fmt.Errorf("%w: %d items in %d bytes", ErrNotList, int64(count), size)
	}
	n := int(count)
	start := word + word*(n+1)
	end := size - (word+1)*n // of data, at most
	l.offsets = make([]int, n+1)
	last := start
	for i := range l.offsets {
		off := binary.NativeEndian.Uint64(data[word*(i+1):])
		if off > uint64(end-start) || start+int(off) < last {
			return l, fmt.Errorf("%w: item %d at %d", ErrNotList, i, int64(off))
		}
		last = start + int(off)
		l.offsets[i] = last
	}
	l.formats = last
	l.codes = last + word*n
	return l, nil
}

// Close unmaps the memory: see Segment.
func (l *List) Close() error {
	if l == nil {
		return nil
	}
	return l.Segment.Close()
}

// Len is the number of items.
func (l *List) Len() int { return len(l.offsets) - 1 }

// Get is the item at i: an int64, float64, bool, string, []byte of its own, or nil.
func (l *List) Get(i int) (v any, err error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.check(i); err != nil {
		return nil, err
	}
	if v, err = l.get(l.data, i); err != nil {
		return nil, fmt.Errorf("shm: list %q: item %d: %w", l.name, i, err)
	}
	return v, nil
}

// Set replaces the item at i, by one of another type too, if there is room for it: ErrItem tells
// that there is not.
func (l *List) Set(i int, v any) error {
	it, err := encode(v)
	if err != nil {
		return fmt.Errorf("shm: list %q: item %d: %w", l.name, i, err)
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err := l.check(i); err != nil {
		return err
	}
	if l.readOnly {
		return fmt.Errorf("shm: list %q: %w", l.name, ErrReadOnly)
	}
	if room := l.offsets[i+1] - l.offsets[i]; it.least() > room {
		return fmt.Errorf("shm: list %q: item %d: %w: %d bytes where there are %d",
			l.name, i, ErrItem, it.least(), room)
	}
	l.put(l.data, i, it)
	return nil
}

// Items are all of them.
func (l *List) Items() ([]any, error) {
	items := make([]any, l.Len())
	for i := range items {
		v, err := l.Get(i)
		if err != nil {
			return nil, err
		}
		items[i] = v
	}
	return items, nil
}

// check is to be called with mu held.
func (l *List) check(i int) error {
	if err := l.usable("list"); err != nil {
		return err
	}
	if i < 0 || i >= l.Len() {
		return fmt.Errorf("shm: list %q: %w: no item %d of %d", l.name, ErrItem, i, l.Len())
	}
	return nil
}
