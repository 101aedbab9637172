//go:build linux

package process

import (
	"encoding/binary"
	"encoding/json"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// A buffer over shared memory crosses by the name of its segment: the worker maps it for itself,
// and makes there what Python has of it in process.

// newPart is one that the worker is told of with the value that has it.
type newPart struct {
	number uint64
	body   []byte // JSON of pyhost.SharedPart
}

// share makes a buffer ready to be sent with the call.
func (c *call) share(far any) (cgo.GoPtr, error) {
	body, err := json.Marshal(far)
	if err != nil {
		return 0, err
	}
	p := newPart{c.w.table.number(), body}
	c.parts = append(c.parts, p)
	return cgo.GoPtr(p.number), nil
}

// buffer takes down one that a value is about to name.
func (s *server) buffer(f frame) error {
	part := &pyhost.SharedPart{}
	if err := json.Unmarshal(f.body, part); err != nil {
		return errProtocol
	}
	s.outward.mu.Lock()
	defer s.outward.mu.Unlock()
	s.outward.parts[f.id] = part
	return nil
}

// attach maps the one that a number stands for, and puts the address of that there. The job has it
// until Python does.
func (s *server) attach(j *job, place []byte) error {
	number := binary.LittleEndian.Uint64(place)
	s.outward.mu.Lock()
	part := s.outward.parts[number]
	delete(s.outward.parts, number)
	s.outward.mu.Unlock()
	if part == nil {
		return errProtocol
	}
	e, err := part.Attach()
	if err != nil {
		return err
	}
	j.exports = append(j.exports, e)
	binary.LittleEndian.PutUint64(place, e.Address())
	return nil
}
