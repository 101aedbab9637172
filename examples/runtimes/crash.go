//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"

	"github.com/pyhost/pyhost/pyhost"
)

// crash is what a crash of A has taken down.
type crash struct {
	Program string // what ended the whole program; empty: nothing
	Call    string // else the error that the call got
	Next    bool   // and whether A took calls afterwards
	Other   bool   // and B
}

// crashMain is the program that has A crash. It prints the outcome if it lives on.
func crashMain(ctx context.Context, k kind) error {
	p, err := k.start(ctx, nil)
	if err != nil {
		return err
	}
	defer p.Close()
	err = p.a.Call(ctx, "crash", nil)
	if err == nil {
		return errors.New("a read of address 0 went well")
	}
	c := crash{Call: err.Error()}
	n, err := pyhost.Call[int](ctx, p.a, "len", "next")
	c.Next = err == nil && n == 4
	n, err = pyhost.Call[int](ctx, p.b, "len", "other")
	c.Other = err == nil && n == 5
	return json.NewEncoder(os.Stdout).Encode(c)
}

// signalName is in what the runtime of Go says at such an end, or AddressSanitizer.
var signalName = regexp.MustCompile(`\bSIG[A-Z]{3,}\b|AddressSanitizer: [A-Z]+`)

// crash runs that program.
func (k kind) crash(ctx context.Context, env ...string) (c crash, err error) {
	var out, stderr bytes.Buffer
	cmd := again(ctx, env, "-crash", k.key)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err = cmd.Run(); err == nil {
		return c, json.Unmarshal(out.Bytes(), &c)
	}
	name := signalName.FindString(stderr.String())
	if name == "" {
		return c, fmt.Errorf("crash in %s: %w: %s", k.title, err, &stderr)
	}
	return crash{Program: name}, nil
}

// again is this program once more.
func again(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}
