package pyhost

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Audit is a policy on what Python code does, by the audit events of PEP 578: "open", "import",
// "socket.connect", "subprocess.Popen", "ctypes.dlopen" and those that Python's documentation
// lists.
//
// It is a policy and no sandbox: it tells and refuses what honest code does. Code that means to get
// around it can, through C extensions and ctypes to begin with, and what runs in other processes is
// not seen. What must be kept in is for the system to keep: a process with limits, a container.
type Audit struct {
	// Rules say what is done about an event. The name of a rule is that of an event, or its
	// beginning and "*"; after a colon the event's first argument may follow, or its beginning and
	// "*": "import:ctypes", "open:/etc/*". The one that says most counts; without one an event is
	// allowed.
	Rules map[string]AuditAction
	// Report is told of events that are to be reported, and of those that were denied. It is called
	// by the thread that caused the event, of a worker process by a goroutine, one call at a time
	// for each runtime. Nil: nobody is told. It must not call the runtime.
	Report func(AuditEvent) `json:"-"`
}

// AuditAction says what is done about an event.
type AuditAction int

// The actions.
const (
	AuditAllow  AuditAction = iota // nothing
	AuditReport                    // Report is told
	AuditDeny                      // the same, and Python code gets a PermissionError
)

// AuditEvent is one event.
type AuditEvent struct {
	Event  string
	Args   []string // as text, cut where they are long
	Denied bool
}

func (a *Audit) validate() error {
	if a == nil {
		return nil
	}
	for name, action := range a.Rules {
		if action < AuditAllow || action > AuditDeny || name == "" || hasNUL(name) {
			return fmt.Errorf("pyhost: Config.Audit has a bad rule %q: %d", name, action)
		}
	}
	return nil
}

// settings are for audit in late.py. fd is what reports are written to; 0: to Go.
func (a *Audit) settings(fd int) any {
	if a == nil || len(a.Rules) == 0 {
		return nil
	}
	rules := map[string]int{}
	for name, action := range a.Rules {
		rules[name] = int(action)
	}
	return map[string]any{"rules": rules, "fd": fd, "report": a.Report != nil || fd != 0}
}

// Receiver gives a writer that takes reports as Python writes them, in pieces of any size, and
// tells Report of them. It is for this library's own packages.
func (a *Audit) Receiver() *AuditReceiver { return &AuditReceiver{tell: a.Report} }

// AuditReceiver is an io.Writer for reports. It is for this library's own packages.
type AuditReceiver struct {
	tell func(AuditEvent)
	mu   sync.Mutex
	rest []byte
}

// Write takes what comes next. What is no report is an error.
func (r *AuditReceiver) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = append(r.rest, p...)
	for {
		report, rest, err := netstring(r.rest)
		if err != nil {
			r.rest = nil
			return 0, err
		}
		if report == nil {
			return len(p), nil
		}
		r.rest = rest // whatever comes of this one
		e, err := auditEvent(report)
		if err != nil {
			return 0, err
		}
		r.tell(e)
	}
}

const maxReport = 64 << 10

var errReport = errors.New("pyhost: malformed audit report")

// netstring is a length, a colon, so many bytes and a comma. Nil: a part of it is missing.
func netstring(b []byte) (text, rest []byte, err error) {
	size, rest, ok := bytes.Cut(b, []byte(":"))
	if !ok {
		if len(b) > 6 {
			return nil, nil, errReport
		}
		return nil, b, nil
	}
	n, err := strconv.ParseUint(string(size), 10, 32)
	switch {
	case err != nil || n > maxReport:
		return nil, nil, errReport
	case uint64(len(rest)) <= n:
		return nil, b, nil
	case rest[n] != ',':
		return nil, nil, errReport
	}
	return rest[:n:n], rest[n+1:], nil
}

func auditEvent(report []byte) (e AuditEvent, err error) {
	var parts []string
	for len(report) > 0 {
		part, rest, err := netstring(report)
		if err != nil || part == nil {
			return e, errReport
		}
		parts = append(parts, strings.ToValidUTF8(string(part), "\ufffd"))
		report = rest
	}
	if len(parts) < 2 {
		return e, errReport
	}
	return AuditEvent{Event: parts[0], Denied: parts[1] == "1", Args: parts[2:]}, nil
}
