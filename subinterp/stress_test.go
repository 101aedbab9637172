package subinterp_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// Interpreters are created while others are created, called, cancelled and closed, and import what
// has crashed in company before.
func TestStressInterpreters(t *testing.T) {
	limit := 2 * time.Second
	if v := os.Getenv("STRESS_TEST_DURATION"); v != "" {
		var err error
		limit, err = time.ParseDuration(v)
		require.NoError(t, err)
	}
	modules := []string{"datetime", "decimal", "sqlite3", "ssl", "asyncio", "ctypes", "json",
		"zoneinfo", "hashlib", "socket"}
	if minor() == 12 {
		modules = []string{"json", "dataclasses", "socket"} // 3.12 refuses some of the others
	}
	var gils []subinterp.GIL
	for _, gil := range kinds() {
		gils = append(gils, gil)
	}
	end := time.Now().Add(limit)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for time.Now().Before(end) {
				rt, err := subinterp.New(bg, mainRT, subinterp.Config{
					GIL: gils[rand.IntN(len(gils))], Grace: time.Second})
				if err != nil {
					t.Error(err)
					return
				}
				live(t, rt, modules)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for time.Now().Before(end) {
				if err := mainRT.Exec(bg, "sum(range(1000))"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func live(t *testing.T, rt *pyhost.Runtime, modules []string) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range rand.IntN(4) {
				err := rt.Call(bg, "importlib.import_module", nil, modules[rand.IntN(len(modules))])
				// Threads that import at once meet half a collections.abc in 3.13.0, in a plain
				// python3 too.
				known := minor() == 13 && errors.Is(err, pyhost.ImportError) &&
					strings.Contains(err.Error(), "cannot import name")
				if err != nil && !known && !errors.Is(err, pyhost.ErrClosed) {
					t.Error(err)
				}
				ctx, stop := context.WithTimeout(bg, time.Duration(rand.IntN(4))*time.Millisecond)
				err = rt.Exec(ctx, "while True: x = [1]")
				stop()
				if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, pyhost.ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	if rand.IntN(2) == 0 {
		wg.Wait()
	}
	if err := rt.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
