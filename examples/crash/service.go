//go:build linux

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

//go:embed service.py
var code string

// service answers requests by calls of Python, in processes that may die.
type service struct {
	pool    *process.Pool
	timeout time.Duration
	log     *slog.Logger
	failed  func(error) // is told of each call that has failed; may be nil
}

// What a worker may take. One that has grown to renewAt is replaced when its call has ended; one
// that wants more than limit gets a MemoryError.
const (
	renewAt = 160 << 20
	limit   = 512 << 20
)

func newService(ctx context.Context, workers int, timeout time.Duration,
	log *slog.Logger) (*service, error) {
	pool, err := process.NewPool(ctx, process.PoolConfig{
		Config: process.Config{
			Setup:  code,
			Limits: process.Limits{Memory: limit, Files: 64},
			Stderr: io.Discard, // an ExitError has the last lines of it
			Logger: log,
		},
		Size:       workers,
		MaxWaiting: 1000,
		MaxMemory:  renewAt,
	})
	if err != nil {
		return nil, err
	}
	return &service{pool: pool, timeout: timeout, log: log}, nil
}

// paths is what there is to ask for.
const paths = `  /answer?n=1000  the sum of squares below n
  /segfault       reads address 0
  /hang           waits for ever
  /leak?mb=16     keeps more memory with each call
  /stats          the pool of workers
`

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, paths)
	})
	mux.Handle("GET /answer", s.calls("answer", "n"))
	mux.Handle("GET /segfault", s.calls("segfault", ""))
	mux.Handle("GET /leak", s.calls("leak", "mb"))
	mux.Handle("GET /hang", s.calls("hang", ""))
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		s.reply(w, s.pool.Stats())
	})
	return mux
}

// calls serves a URL by a call of a function, with a number from the query if param names one.
func (s *service) calls(function, param string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var args []any
		if param != "" {
			n, err := strconv.ParseUint(r.FormValue(param), 10, 20)
			if err != nil {
				http.Error(w, fmt.Sprintf("want a number in ?%s=", param), http.StatusBadRequest)
				return
			}
			args = append(args, n)
		}
		ctx, stop := context.WithTimeout(r.Context(), s.timeout)
		defer stop()
		result, err := pyhost.Call[any](ctx, s.pool, function, args...)
		if err != nil {
			s.fail(w, err)
			return
		}
		s.reply(w, result)
	}
}

func (s *service) reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.Warn("cannot reply", "err", err)
	}
}

func (s *service) fail(w http.ResponseWriter, err error) {
	if s.failed != nil {
		s.failed(err)
	}
	http.Error(w, err.Error(), status(err))
}

// status is what an error of Python is over HTTP.
func status(err error) int {
	var exit *process.ExitError
	switch {
	case errors.As(err, &exit):
		return http.StatusBadGateway
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case errors.Is(err, pyhost.MemoryError):
		return http.StatusInsufficientStorage
	case errors.Is(err, pyhost.ErrOverloaded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
