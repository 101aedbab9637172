package pyhost

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/pyhost/pyhost/cgo"
)

// LogTo has records of Python's logging go to logger: the root logger gets a handler, and the
// lowest level that logger has enabled now. DEBUG, INFO, WARNING and ERROR are slog's levels of
// these names, CRITICAL is slog.LevelError+4. Attributes: "logger", the logger's name;
// slog.SourceKey, file, line and function; "error", a *[PythonError], where there is an exception;
// and the fields given as extra. The handler is called on the goroutine whose Python code logs,
// detached. A second LogTo replaces the first, nil takes it back. Each interpreter has its own.
// Handlers that are there stay, and get the records too, such as the one to stderr that a first
// logging.warning() makes: see logging.basicConfig(force=True).
func (rt *Runtime) LogTo(ctx context.Context, logger *slog.Logger) error {
	return logTo(ctx, rt, logger)
}

func logTo(ctx context.Context, rt caller, logger *slog.Logger) error {
	if logger == nil {
		return rt.Call(ctx, "_pyhost.logging_to", nil, nil, 0)
	}
	h := logger.Handler()
	emit := func(ctx context.Context, r logRecord) error {
		level := slogLevel(r.Level)
		if !h.Enabled(ctx, level) {
			return nil
		}
		return h.Handle(ctx, r.slog(level))
	}
	return rt.Call(ctx, "_pyhost.logging_to", nil, emit, lowest(ctx, h))
}

// logRecord comes as a tuple: see Handler in callbacks.py.
type logRecord struct {
	Level     int
	Message   string
	Created   float64 // s since 1970
	Logger    string
	File      string
	Line      int
	Function  string
	Exception cgo.Tuple
	Extra     map[string]any
}

// Python's levels are ten apart, slog's four, and both have a name for 20 or 0.
func slogLevel(python int) slog.Level {
	return slog.Level(math.Floor(float64(python-20) * 4 / 10))
}

// lowest is the lowest of Python's levels that h has enabled, CRITICAL+1 if none is.
func lowest(ctx context.Context, h slog.Handler) int {
	for level := 1; level <= 50; level++ {
		if h.Enabled(ctx, slogLevel(level)) {
			return level
		}
	}
	return 51
}

func (r *logRecord) slog(level slog.Level) slog.Record {
	sec, frac := math.Modf(r.Created)
	rec := slog.NewRecord(time.Unix(int64(sec), int64(frac*1e9)), level, r.Message, 0)
	rec.AddAttrs(slog.String("logger", r.Logger), slog.Any(slog.SourceKey,
		&slog.Source{Function: r.Function, File: r.File, Line: r.Line}))
	if err := described(r.Exception); err != nil {
		rec.AddAttrs(slog.Any("error", err))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Extra)) {
		rec.AddAttrs(slog.Any(k, r.Extra[k]))
	}
	return rec
}
