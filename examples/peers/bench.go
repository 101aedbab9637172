package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed python/*.py limit/limit.c
var files embed.FS

// bench measures. Every measurement is a process of its own, so that no peer leaves threads, memory
// or a Python behind for the next.
type bench struct {
	python, dir string
	runs        int
	long        time.Duration
}

// unpack writes the files to a folder, which the caller removes.
func (b *bench) unpack() (err error) {
	if b.dir, err = os.MkdirTemp("", "peers"); err != nil {
		return err
	}
	for _, pattern := range []string{"python/*.py", "limit/*.c"} {
		names, err := filesLike(pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			to := filepath.Join(b.dir, path.Base(name))
			if err := os.WriteFile(to, text, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func filesLike(pattern string) (names []string, err error) {
	entries, err := files.ReadDir(path.Dir(pattern))
	for _, e := range entries {
		if ok, _ := path.Match(path.Base(pattern), e.Name()); ok {
			names = append(names, path.Join(path.Dir(pattern), e.Name()))
		}
	}
	return names, err
}

// here does a task by a worker and prints the seconds it took.
func (b *bench) here(name, task string, rounds int) error {
	t, err := findTask(task)
	if err != nil {
		return err
	}
	for _, p := range b.peers() {
		if p.name != name || p.open == nil {
			continue
		}
		w, err := p.open(b.dir, b.python)
		if err != nil {
			return err
		}
		if err := t.once(w); err != nil { // imports, first use
			return err
		}
		from := time.Now()
		if err := t.run(w, rounds); err != nil {
			return err
		}
		fmt.Println(time.Since(from).Seconds())
		return w.Close()
	}
	return fmt.Errorf("no peer %q", name)
}

const limit = time.Minute // for one measurement

// measure gives the seconds that so many rounds take.
func (b *bench) measure(p *peer, t task, rounds int) (float64, error) {
	var args []string
	if p.program != nil {
		args = p.program(b, t.name, rounds)
	} else {
		self, err := os.Executable()
		if err != nil {
			return 0, err
		}
		args = []string{self, "-peer", p.name, "-task", t.name, "-rounds", strconv.Itoa(rounds),
			"-dir", b.dir, "-python", b.python}
	}
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return 0, errors.New("took too long")
	}
	if err != nil {
		return 0, errors.New(firstLine(stderr.String(), err))
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// calibrate finds a number of rounds that takes long enough.
func (b *bench) calibrate(p *peer, t task) (rounds int, err error) {
	rounds = max(1, t.crowd)
	for {
		took, err := b.measure(p, t, rounds)
		if err != nil || took >= b.long.Seconds() {
			return rounds, err
		}
		more := 1.2 * b.long.Seconds() / max(took, 1e-6)
		rounds = int(float64(rounds) * min(max(more, 1.2), 100))
		if t.crowd > 0 {
			rounds = (rounds + t.crowd - 1) / t.crowd * t.crowd
		}
	}
}

// compare measures the peers in turn, run by run, so that what disturbs the machine disturbs all.
func (b *bench) compare(tasks []task) *report {
	rep := &report{tasks: tasks, peers: b.peers(), times: map[cell][]float64{}}
	for _, t := range tasks {
		rounds := map[*peer]int{}
		for _, p := range rep.peers {
			if p.missing != "" || p.alone && t.crowd > 0 {
				continue
			}
			n, err := b.calibrate(p, t)
			if err != nil {
				rep.failed = append(rep.failed, fmt.Sprintf("%s, %s: %v", p.name, t.name, err))
				continue
			}
			rounds[p] = n
		}
		for range b.runs {
			b.turn(rep, t, rounds)
		}
	}
	return rep
}

func (b *bench) turn(rep *report, t task, rounds map[*peer]int) {
	for _, p := range rep.peers {
		n := rounds[p]
		if n == 0 {
			continue
		}
		took, err := b.measure(p, t, n)
		if err != nil {
			rep.failed = append(rep.failed, fmt.Sprintf("%s, %s: %v", p.name, t.name, err))
			rounds[p] = 0
			delete(rep.times, cell{p.name, t.name})
			continue
		}
		c := cell{p.name, t.name}
		rep.times[c] = append(rep.times[c], took/float64(n))
	}
}

// machine describes what it runs on.
func (b *bench) machine() string {
	cpu := "an unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if k, v, _ := strings.Cut(line, ":"); strings.TrimSpace(k) == "model name" {
				cpu = strings.TrimSpace(v)
			}
		}
	}
	version, err := exec.Command(b.python, "-c",
		"import platform; print(platform.python_version())").Output()
	if err != nil {
		version = []byte("?")
	}
	return fmt.Sprintf("%d × %s, CPython %s, %s", cores(), cpu,
		strings.TrimSpace(string(version)), goVersion())
}
