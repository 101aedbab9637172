package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// weigh starts a process that prints a line when it is ready and ends with its standard input. It
// gives the memory of it and of its descendants, in bytes; what several share counts once (PSS).
func weigh(cmd *exec.Cmd) ([]byte, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_, ready := bufio.NewReader(out).ReadString('\n')
	total, err := proportional(cmd.Process.Pid)
	in.Close()
	err = errors.Join(ready, err, cmd.Wait())
	return fmt.Append(nil, total), err
}

var (
	pss    = regexp.MustCompile(`(?m)^Pss: +(\d+) kB`)
	parent = regexp.MustCompile(`(?m)^PPid:\s+(\d+)`)
)

// proportional adds up the memory of a process and its descendants.
func proportional(root int) (total int, err error) {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return 0, err
	}
	children := map[int][]int{}
	for _, name := range statuses {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name))) // the pattern has digits only
		if of, err := field(name, parent); err == nil {           // else it has ended
			children[of] = append(children[of], pid)
		}
	}
	for family := []int{root}; len(family) > 0; family = family[1:] {
		kb, err := field(fmt.Sprintf("/proc/%d/smaps_rollup", family[0]), pss)
		if err != nil {
			return 0, err
		}
		total += kb << 10
		family = append(family, children[family[0]]...)
	}
	return total, nil
}

func field(name string, pattern *regexp.Regexp) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	m := pattern.FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s has no %s", name, pattern)
	}
	return strconv.Atoi(string(m[1]))
}
