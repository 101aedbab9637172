package main

import (
	"fmt"
	"time"
)

// here does a job in this process and prints the seconds that it took, or what else its task tells.
func (b *bench) here(j job) error {
	for _, p := range append(callers(), poolers()...) {
		if p.name != j.peer || (p.pool != nil) != b.pooled(j.task) {
			continue
		}
		got, err := b.do(p, j)
		if err != nil {
			return err
		}
		fmt.Println(got...)
		return nil
	}
	return fmt.Errorf("no peer %q", j.peer)
}

// pooled tells the tasks of the pools from those of single calls.
func (b *bench) pooled(name string) bool {
	_, err := findTask(name)
	return err != nil && name != "goroutines"
}

func (b *bench) do(p *peer, j job) ([]any, error) {
	switch {
	case p.also != nil:
		return b.both(p, j)
	case p.pool != nil:
		seconds, err := b.measurePool(p, j)
		return []any{seconds}, err
	case p.open == nil:
		return nil, fmt.Errorf("%s is no worker", p.name)
	}
	w, err := p.open(b)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if j.task == "goroutines" {
		if _, err := measureCrowd(w, j.size, 0); err != nil { // first use
			return nil, err
		}
		return measureCrowd(w, j.size, b.long)
	}
	t, err := findTask(j.task)
	if err != nil {
		return nil, err
	}
	if err := t.once(w); err != nil { // imports, first use
		return nil, err
	}
	from := time.Now()
	err = t.run(w, j.rounds)
	took := time.Since(from).Seconds()
	if err == nil && t.weighed {
		err = wait()
	}
	return []any{took}, err
}

// both adds what this process measures to what the peer's program does.
func (b *bench) both(p *peer, j job) ([]any, error) {
	program := *p
	program.also = nil
	got, err := b.measure(&program, j)
	if err != nil {
		return nil, err
	}
	more, err := p.also(b, j.rounds)
	return []any{got[0] + more}, err
}
