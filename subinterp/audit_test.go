package subinterp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// A policy is that of its interpreter, and of no other.
func TestAudit(t *testing.T) {
	var events []pyhost.AuditEvent
	cfg := subinterp.Config{Audit: &pyhost.Audit{
		Rules:  map[string]pyhost.AuditAction{"open:/dev/null": pyhost.AuditDeny},
		Report: func(e pyhost.AuditEvent) { events = append(events, e) },
	}}
	each(t, cfg, func(t *testing.T, rt *pyhost.Runtime) {
		events = nil
		require.ErrorIs(t, rt.Exec(bg, "open('/dev/null')"), pyhost.PermissionError)
		require.NoError(t, rt.Exec(bg, "open('/dev/zero').close()"))
		require.NoError(t, mainRT.Exec(bg, "open('/dev/null').close()"))
		require.Len(t, events, 1)
		require.Equal(t, "/dev/null", events[0].Args[0])
		require.True(t, events[0].Denied)
	})
}
