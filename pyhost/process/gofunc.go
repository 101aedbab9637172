//go:build linux

package process

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// In the worker, a function of the program is a Go function that sends its arguments there and
// waits for the answer.

// goFunc is one, goValue a value of the program.
type (
	goFunc  struct{ thing }
	goValue struct{ thing }
)

type thing struct {
	s      *server
	number uint64
}

// Dropped tells that Python has no more use for it: before the result of a call, if one runs.
func (t *thing) Dropped() {
	f := frame{kind: kindForget, id: t.number}
	if t.s.running.Load() > 0 {
		t.s.conn.hold(f)
	} else {
		t.s.conn.send(f, nil, true)
	}
}

// Dropped tells so too.
func (v *goValue) Dropped() {
	v.s.outward.values.Add(-1)
	v.thing.Dropped()
}

// outward is what the worker asks of the program.
type outward struct {
	values  atomic.Int64 // goValues that there are
	calling atomic.Int64 // callbacks that are not answered

	mu      sync.Mutex
	specs   map[uint64]*cgo.FuncSpec      // of functions that no value has named yet; guarded by mu
	parts   map[uint64]*pyhost.SharedPart // of shared buffers, likewise
	waiting map[uint64]*waiter            // callbacks that are not answered, by number
	last    uint64
}

// waiter is a thread that waits for the answer to a callback.
type waiter struct {
	answer chan *job
	owner  *job // that Python serves, or nil
	reads  bool // it is the one that reads meanwhile; set before the callback is sent
}

// mostWaiting bounds the calls of Go functions that are under way: each has a thread here, and a
// goroutine there, and so has one that calls itself for ever.
const mostWaiting = 512

func (o *outward) add(w *waiter) (id uint64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) >= mostWaiting {
		return 0, false
	}
	o.last++
	o.waiting[o.last] = w
	o.calling.Add(1)
	return o.last, true
}

func (s *server) function(f frame) error {
	var spec funcSpec
	if err := json.Unmarshal(f.body, &spec); err != nil || len(spec.Names) != len(spec.Shapes) {
		return errProtocol
	}
	fs := &cgo.FuncSpec{Name: spec.Name, Module: spec.Module, Doc: spec.Doc,
		Signature: spec.Signature, Variadic: spec.Variadic, Positional: spec.Positional,
		Required: spec.Required}
	for i, name := range spec.Names {
		fs.Params = append(fs.Params, cgo.Param{Name: name, Shape: s.shapes[spec.Shapes[i]]})
	}
	s.outward.mu.Lock()
	defer s.outward.mu.Unlock()
	s.outward.specs[f.id] = fs
	return nil
}

// adoptAll adopts the rest too where one fails: what is not adopted cannot be dropped, and the
// program would keep it.
func (s *server) adoptAll(j *job) (err error) {
	for _, at := range j.req.gos {
		if failed := s.adopt(j, at); err == nil {
			err = failed
		}
	}
	return err
}

// adopt makes what a number in a value stands for, and puts it there.
func (s *server) adopt(j *job, at uint32) error {
	if at == 0 || uint64(at)+8 > uint64(len(j.arg)) {
		return errProtocol
	}
	place := j.arg[at:]
	if j.arg[at-1] == cgo.TagBuffer {
		return s.attach(j, place)
	}
	t := thing{s, binary.LittleEndian.Uint64(place)}
	var p cgo.GoPtr
	switch j.arg[at-1] {
	case cgo.TagFunc:
		s.outward.mu.Lock()
		spec := s.outward.specs[t.number]
		delete(s.outward.specs, t.number)
		s.outward.mu.Unlock()
		if spec == nil {
			return errProtocol
		}
		p = s.rt.Interp().NewFunc(&goFunc{t}, spec)
	case cgo.TagGo:
		s.outward.values.Add(1)
		p = s.rt.Interp().NewValue(&goValue{t})
	}
	if p == 0 {
		return errors.New("pyhost: no memory for a function of Go")
	}
	j.gos = append(j.gos, p)
	binary.LittleEndian.PutUint64(place, uint64(p))
	return nil
}

// share puts numbers for what is in a value that leaves. The holds are to be released when it was
// sent.
func (s *server) share(r *reply, value []byte, blobs [][]byte) (holds []cgo.GoPtr) {
	d := cgo.Decoder{Buf: value, Far: blobs}
	d.Translate(func(p cgo.Ptr) { s.objects.add(p, s.rt.Interp()) },
		func(p cgo.GoPtr, v any) uint64 {
			holds = append(holds, p)
			known, ok := v.(*goValue)
			if !ok {
				return 0
			}
			if !slices.Contains(r.gos, known.number) {
				r.gos = append(r.gos, known.number)
			}
			return known.number
		})
	return holds
}

// Call is what C calls, on the thread of the caller.
func (f *goFunc) Call(v *cgo.Invocation) {
	s := f.s
	leave, ok := s.rt.EnterFunction(v)
	if !ok {
		f.discard(v)
		refuseCall(v, "RuntimeError", pyhost.ErrClosed.Error())
		return
	}
	defer leave()
	owner, _ := pyhost.ServedBy(v).(*job)
	w := &waiter{answer: make(chan *job, 1), owner: owner}
	id, ok := s.outward.add(w)
	if !ok {
		f.discard(v)
		refuseCall(v, "RecursionError", "too many calls of Go functions at once")
		return
	}
	begun := time.Now()
	cb := callback{function: f.number, n: uint32(v.Values())}
	if owner != nil {
		cb.call = owner.id
	}
	value, blobs := v.Args(s.rt.Interp().DecrefLater)
	cb.value = value
	holds := s.share(&cb.reply, value, blobs)
	s.lay(&cb.reply, blobs)
	s.outward.mu.Lock()
	w.reads = s.turn.end(owner) // not before: lay may wait for what is read
	s.outward.mu.Unlock()
	s.conn.send(frame{kind: kindCallback, id: id}, cb.append, false)
	v.Free()
	for _, p := range holds {
		p.Release()
	}
	s.scatter()
	a := s.await(w)
	if owner != nil {
		owner.away += time.Since(begun)
	}
	s.answer(v, a)
}

// discard gives back the arguments of a call that is refused.
func (f *goFunc) discard(v *cgo.Invocation) {
	giveBack := f.s.rt.Interp().DecrefLater
	value, blobs := v.Args(giveBack)
	d := cgo.Decoder{Buf: value, Far: blobs, Trusted: true}
	d.Drop(giveBack)
	v.Free()
}

// refuseCall raises an exception that is no error of the program.
func refuseCall(v *cgo.Invocation, class, text string) {
	v.Answer(refusal(class, text), true, nil)
}

func refusal(class, text string) []byte {
	var e cgo.Encoder
	e.Tuple(4)
	for _, part := range []any{class, text, nil, pyhost.Tuple{"call", "<pyhost>", 0}} {
		_ = e.Value(part) // they cannot fail
	}
	return e.Buf
}

// answered takes an answer. What it names is taken hold of here: the next frame may release it.
func (s *server) answered(f frame) error {
	j := jobs.Get().(*job)
	*j = job{value: j.value[:0], held: j.held[:0], raised: f.status != 0}
	if err := j.req.parse(f.body); err != nil {
		return err
	}
	j.value = append(j.value, j.req.value...)
	if j.req.segment != 0 {
		var err error
		if j.segment, err = s.theirs.get(j.req.segment); err != nil {
			return err
		}
	}
	if err := s.resolve(j); errors.Is(err, errProtocol) {
		return err
	} else if err != nil {
		j.letGo()
		j.arg, j.req.long, j.raised = refusal("RuntimeError", err.Error()), span{}, true
	}
	s.outward.mu.Lock()
	w := s.outward.waiting[f.id]
	delete(s.outward.waiting, f.id)
	s.outward.mu.Unlock()
	if w == nil {
		return errProtocol
	}
	s.outward.calling.Add(-1)
	// Where it is the only call, its thread reads from now on: to be woken costs more.
	take := w.owner != nil && !w.reads && s.running.Load() == 1
	if take {
		w.owner.here, w.owner.number = true, s.turn.begin()
	}
	w.answer <- j
	if take {
		return errRelieved
	}
	return nil
}

// answer hands it over to C.
func (s *server) answer(v *cgo.Invocation, j *job) {
	if len(j.arg) <= cgo.MaxAnswer && len(j.held)+len(j.gos)+len(j.exports) == 0 &&
		j.segment == nil {
		v.Answer(j.arg, j.raised, nil)
		s.done(j)
		return
	}
	var pin runtime.Pinner
	if j.req.long.n == 0 && len(j.arg) > 0 {
		pin.Pin(&j.arg[0])
	}
	v.Answer(j.arg, j.raised, func() {
		pin.Unpin()
		if j.segment != nil {
			s.conn.send(frame{kind: kindRead, id: uint64(j.segment.id)}, nil, true)
		}
		s.done(j)
	})
}

// await waits for the answer, and reads meanwhile if that is for this thread.
func (s *server) await(w *waiter) *job {
	if !w.reads {
		return <-w.answer
	}
	for {
		select {
		case j := <-w.answer:
			s.resume(w)
			return j
		default:
		}
		if err := s.readOne(false); err != nil {
			s.exit(err)
		}
	}
}

// resume goes on with the call. Who has read keeps that role, unless others wait for what comes.
func (s *server) resume(w *waiter) {
	switch {
	case !w.reads:
	case s.running.Load() > 1:
		w.owner.here = false
		go s.read()
	default:
		w.owner.number = s.turn.begin()
	}
}
