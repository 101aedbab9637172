package pyhost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func TestLogTo(t *testing.T) {
	var buf bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelInfo}))
	require.NoError(t, rt.LogTo(bg, logger))
	require.NoError(t, rt.LogTo(bg, logger)) // once
	mustExec(t, `
import logging
log = logging.getLogger("app.db")
def talk():
    log.debug("not this")
    log.info("connected to %s", "db1", extra={"rows": 3, "odd": object()})
    log.warning("slow")
    try:
        {}["k"]
    except KeyError:
        log.exception("failed")
    log.critical("gone")
    log.log(25, "between")
talk()
`)
	require.NoError(t, rt.LogTo(bg, nil))
	mustExec(t, "log.error('to nobody: %s', logging.lastResort.setLevel(100) or 1)")
	var got []map[string]any
	for _, l := range lines(&buf) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &m))
		got = append(got, m)
	}
	require.Len(t, got, 5)
	for i, level := range []string{"INFO", "WARN", "ERROR", "ERROR+4", "INFO+2"} {
		require.Equal(t, level, got[i]["level"])
		require.Equal(t, "app.db", got[i]["logger"])
	}
	require.Equal(t, "connected to db1", got[0]["msg"])
	require.InEpsilon(t, 3, got[0]["rows"], 0)
	require.Contains(t, got[0]["odd"], "object object")
	source := got[0]["source"].(map[string]any)
	require.Equal(t, "talk", source["function"])
	require.InEpsilon(t, 6, source["line"], 0)
	failed := got[2]["error"].(map[string]any)
	require.Equal(t, "KeyError", failed["type"])
}

// A handler may call Python, and log from there, while others log.
func TestLogHandlerCallsPython(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	count := handler(func(ctx context.Context, r slog.Record) error {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Message]++
		return rt.Call(ctx, "len", nil, r.Message)
	})
	require.NoError(t, rt.LogTo(bg, slog.New(count)))
	defer func() { require.NoError(t, rt.LogTo(bg, nil)) }()
	mustExec(t, "import logging, threading")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				_ = rt.Call(bg, "logging.error", nil, "crowd")
			}
		})
	}
	mustExec(t, `
def crowd():
    for _ in range(100): logging.error("thread")
ts = [threading.Thread(target=crowd) for _ in range(4)]
for t in ts: t.start()
for t in ts: t.join()
`)
	wg.Wait()
	require.Equal(t, map[string]int{"crowd": 800, "thread": 400}, seen)
}

type handler func(context.Context, slog.Record) error

func (handler) Enabled(context.Context, slog.Level) bool          { return true }
func (h handler) Handle(ctx context.Context, r slog.Record) error { return h(ctx, r) }
func (h handler) WithAttrs([]slog.Attr) slog.Handler              { return h }
func (h handler) WithGroup(string) slog.Handler                   { return h }

func TestLogToGivesTheLevelBack(t *testing.T) {
	mustExec(t, "import logging")
	level := func() int {
		n, err := pyhost.Eval[int](bg, rt, "logging.getLogger().level")
		require.NoError(t, err)
		return n
	}
	before := level()
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelError} {
		h := slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: l})
		require.NoError(t, rt.LogTo(bg, slog.New(h)))
		require.NotEqual(t, before, level())
	}
	require.NoError(t, rt.LogTo(bg, nil))
	require.Equal(t, before, level())
}

func TestLogOddRecords(t *testing.T) {
	var buf bytes.Buffer
	require.NoError(t, rt.LogTo(bg, slog.New(slog.NewTextHandler(&buf, nil))))
	mustExec(t, `
import copy, logging, sys
root = logging.getLogger()
root.error("numbered", extra={1: 2})
def instead(record):
    record = copy.copy(record)
    record.msg = "another"
    return record
ours = [h for h in root.handlers if hasattr(h, "goes_to_go")][0]
ours.addFilter(instead)
root.error("one")
ours.addFilter(lambda record: False)
root.error("none")
`)
	require.NoError(t, rt.LogTo(bg, nil))
	got := lines(&buf)
	require.Len(t, got, 2)
	require.Contains(t, got[0], "msg=numbered")
	require.Contains(t, got[0], " 1=2")
	replaces, err := pyhost.Eval[bool](bg, rt, "sys.version_info >= (3, 12)")
	require.NoError(t, err)
	require.Equal(t, replaces, strings.Contains(got[1], "msg=another"))
}
