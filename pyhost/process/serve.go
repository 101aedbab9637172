//go:build linux

package process

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// job is a call that is served.
type job struct {
	id      uint64
	req     request
	value   []byte // a copy of req.value, which is of the read buffer
	arg     []byte // that, or a part of the segment
	shape   cgo.Shape
	segment *segment
	ctx     context.Context
	wait    context.Context // nil: the same
	held    []cgo.Ptr       // objects in it
	gos     []cgo.GoPtr     // functions and values of Go in it
	exports []*cgo.Export   // shared buffers in it
	slot    uint16          // of the notes
	noted   bool            // it has begun
	since   time.Time       // then: when
	raised  bool            // of an answer to a callback: it is an exception

	// While it is served by the goroutine that reads: see turn. They belong to its thread.
	here   bool
	number uint64
	away   time.Duration // in Go functions
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// call begins to serve a call: a lone one here, one of many that are short with the others, else on
// a goroutine of its own; the gate decides when it runs.
func (s *server) call(f frame) error {
	j := jobs.Get().(*job)
	*j = job{id: f.id, value: j.value[:0], held: j.held[:0], gos: j.gos[:0],
		ctx: context.Background()}
	if err := j.req.parse(f.body); err != nil {
		return err
	}
	j.value = append(j.value, j.req.value...)
	j.shape = s.shapes[j.req.shape]
	if j.req.segment != 0 {
		var err error
		if j.segment, err = s.theirs.get(j.req.segment); err != nil {
			return err
		}
	}
	if j.req.flags&cgo.FlagCancellable != 0 {
		j.ctx = s.stoppable(j.ctx, s.cancels, j.id)
	}
	if j.req.flags&flagRecall != 0 {
		j.wait = s.stoppable(j.ctx, s.recalls, j.id)
	}
	s.running.Add(1)
	switch last := s.turn.last.Load(); {
	case s.in.alone() && s.running.Load() == 1 && last < longCall:
		return s.serveHere(j)
	case last < briefCall && s.outward.calling.Load() == 0:
		s.queue(j)
	default:
		s.serveApart(j)
	}
	return nil
}

// serveApart has a job served by a goroutine of its own.
func (s *server) serveApart(j *job) {
	select {
	case s.jobs <- j:
	default:
		go s.serveMore(j)
	}
}

// stoppable is a context that ends when the other side says so.
func (s *server) stoppable(ctx context.Context, in map[uint64]context.CancelFunc,
	id uint64) context.Context {
	ctx, stop := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	in[id] = stop
	return ctx
}

// serveMore serves others after that one: a new goroutine would grow its stack first, which takes
// as long as a short call.
func (s *server) serveMore(j *job) {
	for s.serve(j); s.idle.Add(1) <= keepIdle; s.serve(j) {
		j = <-s.jobs
		s.idle.Add(-1)
	}
	s.idle.Add(-1)
}

const keepIdle = 128 // goroutines

func (s *server) serve(j *job) {
	s.run(j)
	reads := s.turn.end(j) // since it has called a function of Go
	s.done(j)
	if reads {
		s.read()
	}
}

func (s *server) run(j *job) {
	err := s.resolve(j)
	switch {
	case err != nil:
	case j.req.op == opClass:
		if err = s.setClass(j); err == nil {
			s.send(j, uint16(cgo.StatusOK), &reply{})
		}
	default:
		err = s.rt.Serve(j.ctx, &pyhost.Served{
			Op: cgo.Op(j.req.op), Name: j.req.name, Object: cgo.Ptr(j.req.object), Arg: j.arg,
			Shape: j.shape, Wait: j.wait, Flags: j.req.flags & (cgo.FlagDrop | cgo.FlagKeep),
			Begin: func() {
				j.slot, j.noted = s.begun.note(j.id), true
				j.since = time.Now()
			},
			Owner: j,
		}, func(o *pyhost.Outcome) {
			s.turn.last.Store(int64(time.Since(j.since) - j.away))
			s.reply(j, o)
		})
	}
	if err != nil {
		s.refuse(j, err)
	}
}

// done gives up what the job holds.
func (s *server) done(j *job) {
	runtime.KeepAlive(j.segment)
	for _, p := range j.held {
		s.objects.unhold(p, s.rt.Interp())
	}
	j.letGo()
	if cap(j.value) <= keepOut {
		jobs.Put(j)
	}
}

// resolve puts in place what the numbers in the value stand for here.
func (s *server) resolve(j *job) error {
	r := &j.req
	j.arg = j.value
	if r.long.n > 0 {
		b, err := span.in(r.long, j.segmentMem())
		if err != nil {
			return err
		}
		j.arg = b
	}
	for _, b := range r.blobs {
		data, err := b.in(j.segmentMem())
		if err != nil || uint64(b.at)+16 > uint64(len(j.arg)) || len(data) == 0 {
			return errProtocol
		}
		binary.LittleEndian.PutUint64(j.arg[b.at:], uint64(uintptr(unsafe.Pointer(&data[0]))))
	}
	if err := s.adoptAll(j); err != nil {
		return err
	}
	for _, at := range r.refs {
		if uint64(at)+8 > uint64(len(j.arg)) {
			return errProtocol
		}
		if err := s.hold(j, cgo.Ptr(binary.LittleEndian.Uint64(j.arg[at:]))); err != nil {
			return err
		}
	}
	if r.object != 0 && r.op != opClass {
		return s.hold(j, cgo.Ptr(r.object))
	}
	return nil
}

func (j *job) segmentMem() []byte {
	if j.segment == nil {
		return nil
	}
	return j.segment.mem
}

func (s *server) hold(j *job, p cgo.Ptr) error {
	if !s.objects.hold(p) {
		return errors.New("pyhost: reference to an object that is not there")
	}
	j.held = append(j.held, p)
	return nil
}

// send sends the result, which is the last that is known of the call.
func (s *server) send(j *job, status uint16, r *reply) {
	j.letGo()
	if j.ctx.Done() != nil || j.wait != nil {
		s.mu.Lock()
		for _, in := range []map[uint64]context.CancelFunc{s.cancels, s.recalls} {
			if stop := in[j.id]; stop != nil {
				stop()
				delete(in, j.id)
			}
		}
		s.mu.Unlock()
	}
	others := s.running.Add(-1) >= crowd
	f := frame{kind: kindResult, status: status, id: j.id}
	if j.noted {
		s.conn.sendResult(f, r.append, j.slot, others)
	} else {
		s.conn.send(f, r.append, others)
	}
}

// letGo gives up the functions, values and shared buffers of Go that came with the call.
func (j *job) letGo() {
	for _, e := range j.exports {
		e.Drop()
	}
	j.exports = nil
	for _, p := range j.gos {
		p.Release()
	}
	j.gos = j.gos[:0]
}

func (s *server) refuse(j *job, err error) {
	var ce *pyhost.CancelError
	if errors.As(err, &ce) {
		s.send(j, uint16(cgo.StatusNeverRan), &reply{})
		return
	}
	text := err.Error()
	s.send(j, statusRefused, &reply{value: []byte(text[:min(len(text), maxInline)])})
}

// reply sends what came out of a call.
func (s *server) reply(j *job, o *pyhost.Outcome) {
	status := uint16(o.Status)
	if o.Sent {
		status |= statusSent
	}
	r := reply{value: o.Value}
	var holds []cgo.GoPtr
	switch {
	case o.Status != cgo.StatusOK && o.Status != cgo.StatusRaised:
		r.value = nil
	case o.Object != 0:
		s.objects.add(o.Object, s.rt.Interp())
		status = status&statusSent | statusObject
		r.value = binary.LittleEndian.AppendUint64(nil, uint64(o.Object))
	case bytes.IndexByte(o.Value, cgo.TagObject) >= 0,
		s.outward.values.Load() > 0 && bytes.IndexByte(o.Value, cgo.TagGo) >= 0:
		holds = s.share(&r, o.Value, o.Blobs)
	}
	s.lay(&r, o.Blobs)
	s.send(j, status, &r)
	for _, p := range holds {
		p.Release()
	}
}

// lay puts what is long into a segment, for which it waits.
func (s *server) lay(r *reply, blobs [][]byte) {
	long := uint64(0)
	for _, b := range blobs {
		long += uint64(len(b))
	}
	apart := len(r.value) > maxInline || len(blobs)*16 > maxBody/2
	if apart {
		long += uint64(len(r.value))
	}
	if long == 0 {
		return
	}
	seg := s.mine.wait(long, func() {
		s.conn.send(frame{kind: kindWant, id: long}, nil, false)
	})
	if seg == nil {
		return
	}
	r.segment = seg.id
	at := uint64(0)
	put := func(b []byte) span {
		at += uint64(copy(seg.mem[at:], b))
		return span{at - uint64(len(b)), uint64(len(b))}
	}
	for _, b := range blobs {
		r.blobs = append(r.blobs, put(b))
	}
	if apart {
		r.long, r.value = put(r.value), nil
	}
}
