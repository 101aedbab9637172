//go:build linux

package process

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/pyhost/pyhost/cgo"
)

// shapeIDs numbers the types of targets, for all workers.
var shapeIDs struct {
	sync.RWMutex
	numbers map[reflect.Type]shapeID
	last    uint32
}

type shapeID struct {
	number uint32 // 0: nothing special is asked for
	nodes  []byte // JSON of []cgo.ShapeNode
}

func shapeFor(out any) shapeID {
	t := cgo.ShapedType(out)
	if t == nil {
		return shapeID{}
	}
	return shapeOf(t)
}

func shapeOf(t reflect.Type) shapeID {
	shapeIDs.RLock()
	s, ok := shapeIDs.numbers[t]
	shapeIDs.RUnlock()
	if ok {
		return s
	}
	return newShape(t)
}

func newShape(t reflect.Type) (s shapeID) {
	shapeIDs.Lock()
	defer shapeIDs.Unlock()
	if s, ok := shapeIDs.numbers[t]; ok {
		return s
	}
	if nodes := cgo.DescribeShape(t); len(nodes) > 0 {
		s.nodes, _ = json.Marshal(nodes) // plain data
		shapeIDs.last++
		s.number = shapeIDs.last
	}
	if shapeIDs.numbers == nil {
		shapeIDs.numbers = map[reflect.Type]shapeID{}
	}
	shapeIDs.numbers[t] = s
	return s
}
