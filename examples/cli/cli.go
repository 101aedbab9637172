// Package cli is what the command lines of the examples have in common: flags and nothing else,
// files that are looked at before the work, Ctrl-C, and exit codes.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

// Exit codes. An interrupted program ends with 128 + SIGINT, as a shell has it.
const (
	Failed      = 1
	Misused     = 2 // by a flag that there is not, or an argument
	Interrupted = 130
)

// Parse parses the flags. -h prints what the program is about and its flags; arguments besides
// them end the program.
func Parse(about string) {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), about)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unexpected: %s\n\n", strings.Join(flag.Args(), " "))
		flag.Usage()
		os.Exit(Misused)
	}
}

// Run runs a program by a context that ends with Ctrl-C, and prints its error. After Ctrl-C any
// error is that it was interrupted, and none says that this is how the program ends. A second
// Ctrl-C ends it at once.
func Run(name string, do func(ctx context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop)
	err := do(ctx)
	switch {
	case err == nil:
		return
	case ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "%s: interrupted\n", name)
		os.Exit(Interrupted)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(Failed)
}

// Writable tells before the work whether its result can be written to files of these names. An
// empty name is that of none. A file that is there stays as it is.
func Writable(paths ...string) error {
	for _, path := range paths {
		if path == "" {
			continue
		}
		_, before := os.Stat(path)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666)
		if err != nil {
			return err
		}
		f.Close()
		if errors.Is(before, fs.ErrNotExist) {
			_ = os.Remove(path)
		}
	}
	return nil
}

// Busy is how many threads of others want to run; 0 if there are cores for all. With them times are
// disturbed.
func Busy() int {
	var load float64
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &load)
	}
	if load <= float64(runtime.NumCPU()) {
		return 0
	}
	return int(load)
}
