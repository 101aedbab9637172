package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// findFiles returns up to limit Go files of the folder, or of Go's own source if it is empty. It
// takes them evenly from the whole tree, so that a small limit meets all sorts of files.
func findFiles(ctx context.Context, folder string, limit int) ([]string, error) {
	if folder == "" {
		root, err := goRoot(ctx)
		if err != nil {
			return nil, err
		}
		folder = filepath.Join(root, "src")
	}
	all, err := goFiles(folder)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no Go files in %s: give another folder with -files", folder)
	}
	return sample(all, limit), nil
}

// goRoot asks the go command, then the environment: the program itself does not know where Go is.
func goRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if root := strings.TrimSpace(string(out)); err == nil && root != "" {
		return root, nil
	}
	if root := os.Getenv("GOROOT"); root != "" {
		return root, nil
	}
	return "", errors.New("found no Go to take files from: give a folder of Go files with -files")
}

func goFiles(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "testdata" && path != folder {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && filepath.Ext(path) == ".go" {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

func sample(all []string, limit int) []string {
	if len(all) <= limit {
		return all
	}
	some := make([]string, limit)
	for i := range some {
		some[i] = all[i*len(all)/limit]
	}
	return some
}
