package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
func openOnce(dir, python string) (worker, error) {
	script := filepath.Join(dir, "once.py")
	call := func(name string, args, out any) error {
		in, err := json.Marshal([]any{name, args})
		if err != nil {
			return err
		}
		cmd := exec.Command(python, script)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
		b, err := cmd.Output()
		if err != nil {
			return err
		}
		return json.Unmarshal(b, out)
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
func openPipe(dir, python string) (worker, error) {
	cmd, in, out, err := service(python, filepath.Join(dir, "pipe.py"))
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

// openHTTP talks to http.server, whose connections are kept.
func openHTTP(dir, python string) (worker, error) {
	cmd, _, out, err := service(python, filepath.Join(dir, "service.py"))
	if err != nil {
		return nil, err
	}
	port, err := out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("service.py: %w", err)
	}
	base := "http://127.0.0.1:" + strings.TrimSpace(port) + "/"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}
	call := func(name string, args, result any) error {
		body, err := json.Marshal(args)
		if err != nil {
			return err
		}
		res, err := client.Post(base+name, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("service.py: %s", res.Status)
		}
		return json.NewDecoder(res.Body).Decode(result)
	}
	end := func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		return nil
	}
	return remote{call, end}, nil
}
