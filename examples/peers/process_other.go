//go:build !linux

package main

import "errors"

var errNoProcess = errors.New("package process needs Linux")

func openProcess(*bench) (worker, error) { return nil, errNoProcess }

func processes(*bench, int) (func() (pool, error), error) { return nil, errNoProcess }
