//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pyhost/pyhost/pyhost/process"
)

// demo has the service's workers crash while clients ask for answers.
type demo struct {
	s    *service
	url  string
	exit atomic.Pointer[process.ExitError] // the last one

	answered atomic.Int64
	mu       sync.Mutex
	slowest  time.Duration // of the answers; guarded by mu
	wrong    []string      // answers that were none
}

func newDemo(s *service, url string) *demo {
	d := &demo{s: s, url: url}
	s.failed = func(err error) {
		var exit *process.ExitError
		if errors.As(err, &exit) {
			d.exit.Store(exit)
		}
	}
	return d
}

func (d *demo) run(ctx context.Context, clients int) error {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for asking.Err() == nil {
				d.answer(asking, 1000+n)
			}
		})
	}
	err := d.crashes(ctx)
	stop()
	wg.Wait()
	return errors.Join(err, d.summary())
}

func (d *demo) crashes(ctx context.Context) error {
	for _, step := range []struct {
		title string
		do    func(context.Context) error
	}{
		{"Python reads address 0", d.segfault},
		{"Python waits for ever", func(ctx context.Context) error {
			return d.expect(ctx, "/hang", http.StatusGatewayTimeout)
		}},
		{"Python asks for more memory than it may have", func(ctx context.Context) error {
			return d.expect(ctx, "/leak?mb=2000", http.StatusInsufficientStorage)
		}},
		{"Python leaks", d.leak},
	} {
		fmt.Printf("\n%s:\n", step.title)
		before := d.answered.Load()
		if err := step.do(ctx); err != nil {
			return err
		}
		if err := d.more(ctx); err != nil {
			return err
		}
		fmt.Printf("  meanwhile: %d other requests answered\n", d.answered.Load()-before)
	}
	return ctx.Err()
}

// more waits for some answers that were asked for after this.
func (d *demo) more(ctx context.Context) error {
	for range 20 {
		d.answer(ctx, 10)
	}
	return ctx.Err()
}

func (d *demo) segfault(ctx context.Context) error {
	if err := d.expect(ctx, "/segfault", http.StatusBadGateway); err != nil {
		return err
	}
	exit := d.exit.Load()
	fmt.Println("  the program knows where Python was:")
	for line := range strings.Lines(fmt.Sprintf("%+v", exit)) {
		fmt.Print("    | ", line)
	}
	fmt.Println()
	return nil
}

// leak leaks until workers have been renewed.
func (d *demo) leak(ctx context.Context) error {
	first := d.s.pool.Stats().Renewed
	times := 0
	for d.s.pool.Stats().Renewed < first+2 && ctx.Err() == nil {
		if code, text, _, err := d.get(ctx, "/leak?mb=16"); err != nil ||
			code != http.StatusOK && code != http.StatusInsufficientStorage {
			return fmt.Errorf("/leak: %d %s: %w", code, text, err)
		}
		times++
	}
	fmt.Printf("  GET /leak?mb=16, %d times: workers that held %d MB were replaced, 2 so far\n",
		times, renewAt>>20)
	return nil
}

// expect makes a request that is to fail so.
func (d *demo) expect(ctx context.Context, path string, want int) error {
	code, text, took, err := d.get(ctx, path)
	if err != nil {
		return err
	}
	fmt.Printf("  GET %s: %d after %v: %s\n", path, code, took.Round(time.Millisecond), text)
	if code != want {
		return fmt.Errorf("%s: status %d, want %d", path, code, want)
	}
	return nil
}

// answer asks for one and looks whether it is right.
func (d *demo) answer(ctx context.Context, n int) {
	code, text, took, err := d.get(ctx, fmt.Sprintf("/answer?n=%d", n))
	if ctx.Err() != nil {
		return
	}
	sum := fmt.Sprintf(`"sum":%d}`, (n-1)*n*(2*n-1)/6)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slowest = max(d.slowest, took)
	if err != nil || code != http.StatusOK || !strings.HasSuffix(text, sum) {
		d.wrong = append(d.wrong, fmt.Sprint(code, text, err))
		return
	}
	d.answered.Add(1)
}

func (d *demo) get(ctx context.Context, path string) (code int, text string, took time.Duration,
	err error) {
	start := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		return 0, "", 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", time.Since(start), err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(body)), time.Since(start), err
}

func (d *demo) summary() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Printf("\n%d requests answered, %d not; the slowest took %v\n", d.answered.Load(),
		len(d.wrong), d.slowest.Round(time.Millisecond))
	if len(d.wrong) > 0 {
		return fmt.Errorf("the first that was not: %s", d.wrong[0])
	}
	return nil
}
