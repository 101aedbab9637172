//go:build linux

// Command crash is a web service whose Python segfaults, leaks and hangs on demand, and which keeps
// serving: its calls run in a pool of processes with limits. By itself it shows so: clients ask for
// answers all the time while it has workers crash. With -serve it only serves.
//
//	go run ./examples/crash
//	go run ./examples/crash -serve 127.0.0.1:8080
//	curl 'http://127.0.0.1:8080/answer?n=1000' http://127.0.0.1:8080/segfault
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	serve := flag.String("serve", "", "serve at this `address` of the loopback interface, no more")
	workers := flag.Int("workers", 3, "processes that run Python")
	timeout := flag.Duration("timeout", time.Second, "that a request may take")
	clients := flag.Int("clients", 4, "that ask all the time, in the demonstration")
	cli.Parse("Crash is a web service whose Python crashes on demand, and which keeps serving.")
	cli.Run("crash", func(ctx context.Context) error {
		return run(ctx, *serve, *workers, *timeout, *clients)
	})
}

func run(ctx context.Context, address string, workers int, timeout time.Duration,
	clients int) error {
	if workers < 1 || timeout <= 0 || clients < 1 {
		return errors.New("want 1 worker, 1 client and some time or more")
	}
	demonstrates := address == ""
	log := slog.New(slog.DiscardHandler)
	if demonstrates {
		address = "127.0.0.1:0"
	} else {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	l, err := listen(ctx, address)
	if err != nil {
		return err
	}
	defer l.Close()
	s, err := newService(ctx, workers, timeout, log)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	url := "http://" + l.Addr().String()
	fmt.Printf("serving on %s with %d workers of Python %s\n", url, workers,
		s.pool.Info().Python.Version)
	if !demonstrates {
		fmt.Print(paths)
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	if demonstrates {
		d := newDemo(s, url)
		err = d.run(ctx, clients)
	} else {
		select {
		case <-ctx.Done():
		case err = <-ended:
			return err
		}
	}
	return errors.Join(err, server.Shutdown(context.WithoutCancel(ctx)))
}

// listen comes before the workers: an address that cannot be had costs no start of Python.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(errors.New("anybody could crash it: want a loopback address"),
			l.Close())
	}
	return l, nil
}
