package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// step is a stretch of a simulated goroutine's work.
type step struct {
	kind byte // 'p': Python, needs the GIL; 'c': C without it; 'g': Go, no call under way
	name string
	left time.Duration
}

// simLane is a simulated goroutine; program gives its next call.
type simLane struct {
	label   string
	program func() []step
	steps   []step
	since   time.Duration // waits since, or is away until
	inCall  bool
}

// simulation is a GIL that lanes share as CPython's threads do: in the order in which they ask for
// it, and 5 ms after somebody asked it is taken from whoever computes on. It records what
// pyhost's recorder would.
type simulation struct {
	r       pyhost.Recording
	lanes   []*simLane
	waiting []int // in the order of asking
	away    []int // in C or in Go
	now     time.Duration
	holder  int
	seenAt  time.Duration
	inC     time.Duration // spent in C functions, without waiting
}

// simulate makes a recording like that of the real thing: n goroutines a group.
func simulate(n int, length time.Duration) *pyhost.Recording {
	return &simulated(n, length).r
}

func simulated(n int, length time.Duration) *simulation {
	rnd := rand.New(rand.NewPCG(1, 2))
	about := func(us int) time.Duration {
		return time.Duration(us/2+rnd.IntN(us)) * time.Microsecond
	}
	s := &simulation{holder: -1}
	programs := []func() []step{
		func() []step { return []step{{'p', "", about(30_000)}, {'g', "", about(60)}} },
		func() []step {
			return []step{
				{'p', "", about(400)},
				{'c', "zlib.compress", about(8000)}, {'p', "", about(20)},
				{'c', "_hashlib.openssl_sha256", about(900)}, {'p', "", about(20)},
				{'g', "", about(80)},
			}
		},
		func() []step {
			steps := []step{{'p', "", about(60)}}
			for range 1 + rnd.IntN(3) {
				steps = append(steps, step{'c', "time.sleep", 4 * time.Millisecond},
					step{'p', "", about(30)})
			}
			return append(steps, step{'g', "", about(50)})
		},
	}
	for k, group := range []string{"tokenise", "compress", "read"} {
		for i := range n {
			s.add(fmt.Sprintf("%s %d", group, i+1), programs[k])
		}
	}
	s.run(length)
	return s
}

func (s *simulation) add(label string, program func() []step) {
	i := len(s.lanes)
	s.r.Lanes = append(s.r.Lanes, pyhost.Lane{Label: label, Thread: 100 + i})
	s.lanes = append(s.lanes, &simLane{
		label: label, program: program, steps: program(), since: time.Duration(i) * 30_000,
	})
	s.away = append(s.away, i)
}

func (s *simulation) run(length time.Duration) {
	for s.now < length {
		s.wake(s.now)
		if len(s.waiting) == 0 {
			s.now = s.lanes[s.away[0]].since
			continue
		}
		lane := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.get(lane)
		s.hold(lane)
	}
	s.r.Duration = length
	s.r.Events = slices.DeleteFunc(s.r.Events, func(e pyhost.Event) bool { return e.Time > length })
	slices.SortStableFunc(s.r.Events, func(a, b pyhost.Event) int {
		return cmp.Compare(a.Time, b.Time)
	})
}

// wake lets those who are back by then ask for the GIL.
func (s *simulation) wake(by time.Duration) {
	slices.SortFunc(s.away, func(a, b int) int {
		return cmp.Compare(s.lanes[a].since, s.lanes[b].since)
	})
	for len(s.away) > 0 && s.lanes[s.away[0]].since <= by {
		s.waiting = append(s.waiting, s.away[0])
		s.away = s.away[1:]
	}
}

func (s *simulation) emit(at time.Duration, kind pyhost.EventKind, lane int, name string) {
	s.r.Events = append(s.r.Events, pyhost.Event{Time: at, Kind: kind, Lane: lane, Name: name})
}

func (s *simulation) get(lane int) {
	l := s.lanes[lane]
	kind := pyhost.EventHold
	if !l.inCall {
		kind = pyhost.EventAttach
		s.emit(l.since, pyhost.EventWait, lane, "")
	}
	if l.inCall && l.steps[0].kind == 'c' {
		s.emit(s.now, pyhost.EventLeaveC, lane, l.steps[0].name)
	}
	if l.steps[0].kind == 'c' {
		l.steps = l.steps[1:]
	}
	if s.holder != lane && s.holder >= 0 {
		s.emit(s.seenAt, pyhost.EventLost, s.holder, "")
	}
	if s.holder != lane {
		s.emit(s.now, kind, lane, "")
	}
	l.inCall, s.holder = true, lane
}

// hold runs the lane until it lets go, or must.
func (s *simulation) hold(lane int) {
	l := s.lanes[lane]
	p := &l.steps[0]
	end := s.now + p.left
	from := s.now
	asked := end
	if len(s.waiting) > 0 {
		asked = s.now
	} else if len(s.away) > 0 {
		asked = min(end, s.lanes[s.away[0]].since)
	}
	s.now = min(end, asked+5*time.Millisecond)
	s.seenAt = s.now - min(p.left, 3*time.Microsecond)
	s.wake(s.now)
	p.left -= s.now - from
	if p.left > 0 {
		l.since = s.now
		s.waiting = append(s.waiting, lane)
		s.now += 8 * time.Microsecond
		return
	}
	s.letGo(lane)
}

func (s *simulation) letGo(lane int) {
	l := s.lanes[lane]
	l.steps = l.steps[1:]
	l.since = s.now + l.steps[0].left
	s.seenAt = s.now
	if l.steps[0].kind == 'c' {
		s.emit(s.now, pyhost.EventEnterC, lane, l.steps[0].name)
		s.inC += l.steps[0].left
	} else {
		s.emit(s.now, pyhost.EventDetach, lane, "")
		l.inCall, l.steps, s.holder = false, l.program(), -1
	}
	s.away = append(s.away, lane)
	s.now += 4 * time.Microsecond
}
