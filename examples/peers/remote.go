package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"sync"
)

// remote calls a function of work.py in another process, by JSON.
type remote struct {
	call  func(name string, args, out any) error
	close func() error
}

func (r remote) Add(a, b int) (n int, err error) {
	return n, r.call("add", []int{a, b}, &n)
}

func (r remote) List(values []int) (out []int, err error) {
	return out, r.call("back", [][]int{values}, &out)
}

func (r remote) Dict(values map[string]int) (out map[string]int, err error) {
	return out, r.call("back", []map[string]int{values}, &out)
}

func (r remote) Text(text string) (out string, err error) {
	return out, r.call("upper", []string{text}, &out)
}

func (r remote) Close() error { return r.close() }

// openOnce starts a python3 for each call.
func openOnce(b *bench) (worker, error) {
	script := b.file("once.py")
	call := func(name string, args, out any) error {
		in, err := json.Marshal([]any{name, args})
		if err != nil {
			return err
		}
		cmd := exec.Command(b.python, script)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
		text, err := cmd.Output()
		if err != nil {
			return err
		}
		return json.Unmarshal(text, out)
	}
	return remote{call, func() error { return nil }}, nil
}

// service is a python3 that runs until it is killed.
func service(python, script string) (*exec.Cmd, io.WriteCloser, *bufio.Reader, error) {
	cmd := exec.Command(python, script)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	return cmd, in, bufio.NewReaderSize(out, 1<<20), cmd.Start()
}

// openPipe talks to one python3 by lines of JSON, one call at a time.
func openPipe(b *bench) (worker, error) {
	cmd, in, out, err := service(b.python, b.file("pipe.py"))
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	enc, dec := json.NewEncoder(in), json.NewDecoder(out)
	call := func(name string, args, result any) error {
		mu.Lock()
		defer mu.Unlock()
		if err := enc.Encode([]any{name, args}); err != nil {
			return err
		}
		return dec.Decode(result)
	}
	end := func() error {
		in.Close()
		return cmd.Wait()
	}
	return remote{call, end}, nil
}
