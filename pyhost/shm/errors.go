//go:build linux

package shm

import "errors"

// Problems that errors.Is finds. That a segment is not there, or there already, or not for this
// user, is fs.ErrNotExist, fs.ErrExist and fs.ErrPermission; that there is no room, syscall.ENOSPC.
var (
	// ErrClosed: the segment, or the Manager, was closed before.
	ErrClosed = errors.New("it is closed")
	// ErrInUse: the segment was closed while somebody had it on [Segment.Hold].
	ErrInUse = errors.New("it is still held")
	// ErrName: no name that both Go and Python can use.
	ErrName = errors.New("bad name")
	// ErrSize: a size or a length that is negative, or 0 where that makes no sense.
	ErrSize = errors.New("bad size")
	// ErrShort: the segment has fewer bytes than asked for, or none yet.
	ErrShort = errors.New("too short")
	// ErrMisaligned: the items of a slice would not lie at multiples of their size.
	ErrMisaligned = errors.New("misaligned")
	// ErrReadOnly: a write to a segment of OpenReadOnly.
	ErrReadOnly = errors.New("it is read-only")
	// ErrItem: a value that a [List] cannot have, or not in that place.
	ErrItem = errors.New("bad item")
	// ErrNotList: what is in the segment is no list.
	ErrNotList = errors.New("no ShareableList")
)
