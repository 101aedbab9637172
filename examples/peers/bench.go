package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

//go:embed python/*.py limit/*.c
var files embed.FS

// bench measures. Every measurement is a process of its own, so that no peer leaves threads, memory
// or a Python behind for the next.
type bench struct {
	ctx                context.Context // ends with Ctrl-C
	groups             bool            // a process group for each measurement
	python, poolPython string          // of the calls, and of the pools
	gopython3          string          // the program that was built with the tag
	dir                string
	runs               int
	long               time.Duration
	flask              bool
	limit              *string       // why it could not be built
	found              pyhost.Python // poolPython

	callers, poolers, alone       []*peer
	task                          string // the only one of the calls; empty: all
	goroutines, workers, runtimes int    // the most of each
}

// unpack writes the files to a folder, which the caller removes.
func (b *bench) unpack() (err error) {
	if b.dir, err = os.MkdirTemp("", "peers"); err != nil {
		return err
	}
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(b.file(entry.Name()), text, 0o644)
	})
}

const limit = 30 * time.Second // for one measurement

// measure gives what the process of a measurement prints: the seconds, or what else its task tells.
func (b *bench) measure(p *peer, j job) ([]float64, error) {
	j.peer = p.name
	args, err := b.command(p, j)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(b.ctx, limit)
	defer stop()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if b.groups {
		endsAsGroup(cmd)
	}
	cmd.Env = append(os.Environ(), "PYTHONPATH="+b.dir) // sub-interpreters have no script's folder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	var out []byte
	if j.weighed() {
		out, err = weigh(cmd)
	} else {
		out, err = cmd.Output()
	}
	if b.ctx.Err() != nil {
		return nil, b.ctx.Err()
	}
	if ctx.Err() != nil {
		return nil, errors.New("took too long")
	}
	if err != nil {
		return nil, errors.New(firstLine(stderr.String(), err))
	}
	return parse(string(out))
}

// endsAsGroup has a process and its children killed together when its context ends. They get no
// signal from the terminal: this program does, and ends them.
func endsAsGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

func parse(text string) (values []float64, err error) {
	for _, field := range strings.Fields(text) {
		x, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, err
		}
		values = append(values, x)
	}
	if len(values) == 0 {
		return nil, errors.New("nothing was printed")
	}
	return values, nil
}

// calibrate finds a number of rounds, a multiple of step, that takes long enough.
func (b *bench) calibrate(p *peer, j job, step int) (rounds int, err error) {
	for j.rounds = step; ; {
		took, err := b.measure(p, j)
		if err != nil || took[0] >= b.long.Seconds() {
			return j.rounds, err
		}
		more := 1.2 * b.long.Seconds() / max(took[0], 1e-6)
		j.rounds = int(float64(j.rounds) * min(max(more, 1.2), 100))
		j.rounds = (j.rounds + step - 1) / step * step
	}
}

// turns measures jobs run by run, so that what disturbs the machine disturbs all, and hands each
// result on. A job that fails is noted once, and left out from then on.
func (b *bench) turns(runs int, all []turn) (failed []string) {
	out := make([]bool, len(all))
	for range runs {
		for i, t := range all {
			if out[i] {
				continue
			}
			got, err := b.measure(t.peer, t.job)
			t.take(got, err)
			if err != nil {
				out[i] = true
				failed = append(failed, t.failure(err))
			}
		}
	}
	return failed
}

// turn is a job, and what is done with its result.
type turn struct {
	peer *peer
	job  job
	take func(got []float64, err error)
}

func (t turn) failure(err error) string {
	what := t.job.task
	if t.job.size > 0 {
		what = fmt.Sprint(what, " × ", t.job.size)
	}
	return fmt.Sprintf("%s, %s: %v", t.peer.name, what, err)
}
