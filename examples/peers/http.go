package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

// openHTTP talks to http.server.
func openHTTP(b *bench) (worker, error) { return openService(b.python, b.file("service.py")) }

// openFlask talks to Flask.
func openFlask(b *bench) (worker, error) {
	return openService(b.file("flask/bin/python"), b.file("flask_service.py"))
}

// installFlask makes a virtual environment with Flask, and says why it could not.
func (b *bench) installFlask() string {
	if !b.flask {
		return "it is installed by -flask only"
	}
	ctx, stop := context.WithTimeout(b.ctx, 2*time.Minute)
	defer stop()
	for _, args := range [][]string{
		{b.python, "-m", "venv", b.file("flask")},
		{b.file("flask/bin/python"), "-m", "pip", "install", "-q", "flask", "waitress"},
	} {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		if err != nil {
			return "not installed: " + firstLine(string(out), err)
		}
	}
	return ""
}

// openService talks to a service over HTTP; connections are kept.
func openService(python, script string) (worker, error) {
	cmd, _, out, err := service(python, script)
	if err != nil {
		return nil, err
	}
	port, err := out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the service: %w", err)
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
			return fmt.Errorf("the service: %s", res.Status)
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
