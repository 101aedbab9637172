package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// sweep measures a task at several sizes, by at least so many rounds, shared out evenly. Right
// before each measurement comes one of the peer that it is compared with, at size 1.
func (b *bench) sweep(task string, rounds int, with *peer, peers []*peer,
	at []int) (figures, []string) {
	f := figures{}
	var all []turn
	for _, n := range at {
		for _, p := range peers {
			if p.missing != "" || p.single && n != at[0] {
				continue
			}
			if with != nil {
				one := job{task: task, size: 1, rounds: max(1, rounds)}
				all = append(all, turn{with, one, f.keep(p.name, n, one.rounds, compared)})
			}
			j := job{task: task, size: n, rounds: max(1, rounds)}
			for j.rounds%max(1, n) != 0 && rounds > 0 {
				j.rounds++
			}
			all = append(all, turn{p, j, f.keep(p.name, n, j.rounds, secondsACall)})
		}
	}
	return f, b.turns(min(b.runs, 3), all)
}

// keep takes the output of a measurement.
func (f figures) keep(peer string, n, rounds, first int) func([]float64, error) {
	return func(got []float64, err error) {
		for i, x := range got {
			if first != compared || i == 0 {
				f.add(point(peer, first+i, n), x/float64(rounds))
			}
		}
		if err != nil {
			delete(f, point(peer, first, n))
			delete(f, point(peer, first+1, n))
		}
	}
}

// point is where the figures of a size are; what tells which of them.
func point(peer string, what, size int) cell {
	return cell{peer, fmt.Sprint(what, " at ", size)}
}

// The figures of a size: what measureCrowd prints, and what the peer that it is compared with had.
const (
	secondsACall = iota
	p99
	compared
)

// measureCrowd has so many goroutines make calls, for as long as a measurement takes and one call
// each at least.
func measureCrowd(w worker, goroutines int, long time.Duration) ([]any, error) {
	var all sync.WaitGroup
	took := make([][]time.Duration, goroutines)
	errs := make([]error, goroutines)
	begin := time.Now()
	for i := range goroutines {
		all.Go(func() {
			for ok := true; ok && errs[i] == nil; ok = time.Since(begin) < long {
				from := time.Now()
				errs[i] = add(w)
				took[i] = append(took[i], time.Since(from))
			}
		})
	}
	all.Wait()
	seconds := time.Since(begin).Seconds()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	each := slices.Concat(took...)
	slices.Sort(each)
	last := each[(len(each)-1)*99/100]
	return []any{seconds / float64(len(each)), last.Seconds()}, nil
}

// sizes are the steps of a curve up to the most.
func sizes(most int, steps ...int) []int {
	steps = slices.DeleteFunc(steps, func(n int) bool { return n >= most })
	return append(steps, most)
}

// workerCounts are all up to eight, then twice as many each.
func workerCounts(most int) (all []int) {
	for n := 1; n < most; n += max(1, n/8*8) {
		all = append(all, n)
	}
	return append(all, most)
}
