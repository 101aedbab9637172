//go:build linux

package process_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

// The policy holds in each worker, that of a restart too, and for Python's own threads.
func TestAudit(t *testing.T) {
	var mu sync.Mutex
	var events []pyhost.AuditEvent
	rt := start(t, process.Config{Audit: &pyhost.Audit{
		Rules: map[string]pyhost.AuditAction{
			"open:/dev/*": pyhost.AuditReport, "ctypes.dlopen:libm*": pyhost.AuditDeny,
		},
		Report: func(e pyhost.AuditEvent) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		},
	}, Setup: "import threading, ctypes\ndef look(): open('/dev/null').close()"})
	for range 2 {
		events = nil
		require.NoError(t, rt.Call(bg, "look", nil))
		require.NoError(t, rt.Exec(bg, "t = threading.Thread(target=look); t.start(); t.join()"))
		require.ErrorIs(t, rt.Exec(bg, "ctypes.CDLL('libm.so.6')"), pyhost.PermissionError)
		mu.Lock()
		require.Len(t, events, 3)
		require.Equal(t, "open", events[1].Event)
		require.Equal(t, "/dev/null", events[1].Args[0])
		require.Equal(t, "ctypes.dlopen", events[2].Event)
		require.True(t, events[2].Denied)
		mu.Unlock()
		kill(t, rt)
		require.NoError(t, rt.Call(bg, "len", nil, "x"))
	}
}
