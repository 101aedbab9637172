//go:build linux

package process

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// before sets what may be set before Python starts, in the worker.
func (l *Limits) before() error {
	if l.CPU > 0 {
		s := uint64((l.CPU + time.Second - 1) / time.Second)
		if err := setLimit(syscall.RLIMIT_CPU, s, s+1); err != nil {
			return fmt.Errorf("limit of processor time: %w", err)
		}
	}
	if l.Files > 0 {
		if err := setLimit(syscall.RLIMIT_NOFILE, l.Files, l.Files); err != nil {
			return fmt.Errorf("limit of open files: %w", err)
		}
	}
	return nil
}

const threadStack = 8 << 20

// after sets what counts from where the worker is ready.
func (l *Limits) after(maxThreads int) error {
	if l.Memory == 0 {
		return nil
	}
	used, err := dataBytes()
	if err == nil {
		limit := uint64(used + l.Memory + int64(maxThreads)*threadStack)
		err = setLimit(syscall.RLIMIT_DATA, limit, limit)
	}
	if err != nil {
		return fmt.Errorf("limit of memory: %w", err)
	}
	return nil
}

func setLimit(what int, soft, hard uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(what, &now); err != nil {
		return err
	}
	hard = min(hard, now.Max)
	return syscall.Setrlimit(what, &syscall.Rlimit{Cur: min(soft, hard), Max: hard})
}

// dataBytes is what RLIMIT_DATA counts.
func dataBytes() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmData:"); ok {
			var kb int64
			_, err := fmt.Sscan(text, &kb)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no VmData in /proc/self/status")
}
