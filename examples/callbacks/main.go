// Command callbacks has Python rules judge the files of a Go tree. The rules (rules.py) see the
// program's own data and functions as a module: a struct of Go is an instance of a class, its
// methods are methods, errors go through Python and come back as they were, and what the rules log
// goes to slog.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

//go:embed rules.py
var rules string

// File is a file of the tree, as Python sees it too.
type File struct {
	Path  string `py:"path"` // below the tree
	Lines int    `py:"lines"`
	Todos int    `py:"todos"`
}

func (f *File) String() string { return fmt.Sprintf("<File %s, %d lines>", f.Path, f.Lines) }

// Index is all files of a tree: len(index), index[path], path in index and iteration in Python.
type Index struct {
	root  string
	files map[string]*File
	order []string
}

// Len is the number of files.
func (x *Index) Len() int { return len(x.order) }

// Get gives a file by its path.
func (x *Index) Get(path string) (*File, bool) { f, ok := x.files[path]; return f, ok }

// All gives the files in the order of their paths.
func (x *Index) All() iter.Seq[*File] {
	return func(yield func(*File) bool) {
		for _, path := range x.order {
			if !yield(x.files[path]) {
				return
			}
		}
	}
}

func main() {
	root := flag.String("root", "", "the `folder` of Go files to judge (default GOROOT/src/net)")
	limit := flag.Int("limit", 2500, "lines that a file may have")
	calls := flag.Int("calls", 1_000_000, "calls of a Go function that are timed")
	cli.Parse("Callbacks has Python rules judge the files of a Go tree.")
	cli.Run("callbacks", func(ctx context.Context) error {
		return run(ctx, *root, *limit, *calls)
	})
}

func run(ctx context.Context, root string, limit, calls int) error {
	if limit < 0 || calls < 0 {
		return errors.New("want a limit and a number of calls of 0 or more")
	}
	if root == "" {
		out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return fmt.Errorf("found no Go to take files from, give a -root: %w", err)
		}
		root = filepath.Join(strings.TrimSpace(string(out)), "src", "net")
	}
	index, err := read(root)
	if err != nil {
		return err
	}
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		return err
	}
	defer rt.Close()
	if err := provide(ctx, rt, index, limit); err != nil {
		return err
	}
	if err := judge(ctx, rt, index); err != nil {
		return err
	}
	return measure(ctx, rt, calls)
}

// read indexes the Go files of a tree.
func read(root string) (*Index, error) {
	x := &Index{root: root, files: map[string]*File{}}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		lines, todos := bytes.Count(text, []byte("\n")), bytes.Count(text, []byte("TODO"))
		x.files[path] = &File{path, lines, todos}
		x.order = append(x.order, path)
		return nil
	})
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		at.Path = filepath.Join(root, at.Path)
	}
	slices.Sort(x.order)
	return x, err
}

// provide makes the module host, and brings in the rules.
func provide(ctx context.Context, rt *pyhost.Runtime, index *Index, limit int) error {
	err := rt.Module(ctx, "host", pyhost.Members{
		"__doc__": "The program that runs the rules.",
		"LIMIT":   limit,
		"File":    pyhost.Class{Of: File{}, Doc: "A file of the tree."},
		"Index":   pyhost.Class{Of: Index{}, Doc: "All files of the tree."},
		"read": pyhost.Function{Doc: "The bytes of a file of the tree.", Params: []string{"path"},
			Func: func(path string) ([]byte, error) {
				return fs.ReadFile(os.DirFS(index.root), path)
			}},
		"add": func(a, b int) int { return a + b },
	})
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: short}))
	if err := rt.LogTo(ctx, logger); err != nil {
		return err
	}
	return rt.Exec(ctx, rules, pyhost.Scope{File: "rules.py"})
}

// short leaves out the time, and of an error all but its type and message.
func short(groups []string, a slog.Attr) slog.Attr {
	if at, ok := a.Value.Any().(*slog.Source); ok {
		return slog.String("at", fmt.Sprintf("%s:%d", at.File, at.Line))
	}
	detail := len(groups) > 0 && groups[0] == "error" && a.Key != "type" && a.Key != "message"
	if detail || a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func judge(ctx context.Context, rt *pyhost.Runtime, index *Index) error {
	longest, err := pyhost.Call[[]string](ctx, rt, "longest", index, 3)
	if err != nil {
		return err
	}
	fmt.Printf("%s, the longest: %s\n", count(index.Len(), "file"), strings.Join(longest, ", "))
	var findings *pyhost.Ref
	if err := rt.Call(ctx, "check", &findings, index); err != nil {
		return err
	}
	defer findings.Close()
	const shown = 5
	n := 0
	for finding, err := range pyhost.IterOf[[2]string](ctx, findings) {
		if err != nil {
			return err
		}
		if n++; n <= shown {
			fmt.Printf("  %s: %s\n", finding[0], finding[1])
		}
	}
	if n > shown {
		fmt.Println("  ...")
	}
	fmt.Println(count(n, "finding"))
	err = rt.Call(ctx, "first_line", nil, "no/such/file.go")
	fmt.Printf("the error is fs.ErrNotExist again: %t\n", errors.Is(err, fs.ErrNotExist))
	return nil
}

// count is a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func measure(ctx context.Context, rt *pyhost.Runtime, calls int) error {
	start := time.Now()
	total, err := pyhost.Call[int](ctx, rt, "many", calls)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if want := calls * (calls - 1) / 2; total != want {
		return fmt.Errorf("the sum of %d calls is %d, not %d", calls, total, want)
	}
	if calls > 0 {
		fmt.Printf("%d calls of Go by Python: %d ns each\n", calls, took.Nanoseconds()/int64(calls))
	}
	return nil
}
