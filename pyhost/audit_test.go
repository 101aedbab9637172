package pyhost_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

func init() {
	children["audit"] = func() error {
		var events []string
		rt, err := pyhost.Open(pyhost.Config{Audit: &pyhost.Audit{
			Rules: map[string]pyhost.AuditAction{
				"open": pyhost.AuditReport, "open:/dev/*": pyhost.AuditDeny,
				"open:/dev/null": pyhost.AuditAllow, "socket.*": pyhost.AuditDeny,
				"subprocess.Popen": pyhost.AuditDeny, "import:wave": pyhost.AuditDeny,
			},
			Report: func(e pyhost.AuditEvent) {
				events = append(events, fmt.Sprintf("%s %s %t",
					e.Event, e.Args[0], e.Denied))
			},
		}})
		if err != nil {
			return err
		}
		defer rt.Close()
		fmt.Println(rt.Exec(bg, "open('/dev/null').close()"))
		fmt.Println(rt.Exec(bg, "open('/dev/zero')"))
		fmt.Println(rt.Exec(bg, "open('"+os.Args[0]+"', 'rb').close()"))
		fmt.Println(rt.Exec(bg, "import wave"))
		fmt.Println(rt.Exec(bg, "import subprocess; subprocess.run(['true'])"))
		fmt.Println(rt.Exec(bg, "import socket; socket.socket().connect(('127.0.0.1', 9))"))
		for _, e := range events {
			fmt.Println("event:", e)
		}
		return nil
	}
}

func TestAudit(t *testing.T) {
	out := child(t, "audit")
	lines := strings.Split(out, "\n")
	denied := func(event string) string { // and its first argument, where that is a text
		return "PermissionError: " + event + " is denied by the audit policy of the program"
	}
	require.Equal(t, []string{
		"<nil>", denied("open of '/dev/zero'"), "<nil>", denied("import of 'wave'"),
		denied("subprocess.Popen of 'true'"),
		denied("socket.__new__"),
	}, lines[:6], out)
	require.Contains(t, lines, "event: open /dev/zero true")
	require.Contains(t, lines, "event: open "+os.Args[0]+" false")
	require.Contains(t, lines, "event: import wave true")
	require.NotContains(t, lines, "event: open /dev/null false")
}

func TestAuditReceiver(t *testing.T) {
	var got []pyhost.AuditEvent
	a := pyhost.Audit{Report: func(e pyhost.AuditEvent) { got = append(got, e) }}
	const report = "16:4:open,1:1,2:/x,,15:4:open,1:0,1:a,,"
	r := a.Receiver()
	for i := range report { // in pieces
		_, err := r.Write([]byte(report[i : i+1]))
		require.NoError(t, err)
	}
	require.Equal(t, []pyhost.AuditEvent{
		{Event: "open", Args: []string{"/x"}, Denied: true}, {Event: "open", Args: []string{"a"}},
	}, got)
	for _, bad := range []string{"x:", "12345678", "3:abc.", "-1:,", "3:1:a,,", "2:1:,", "99999:"} {
		_, err := a.Receiver().Write([]byte(bad))
		require.Error(t, err, bad)
	}
}
