// Command doctor prints every Python that pyhost finds on this machine, whether it can be used, and
// if not, why and what to do about it.
//
//	go run ./examples/doctor            a table
//	go run ./examples/doctor -usable    paths alone: the newest of each minor version and flavour
//	go run ./examples/doctor -json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/pyhost/pyhost/examples/cli"
	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

func main() {
	usable := flag.Bool("usable", false, "print one usable executable of each version, no more")
	asJSON := flag.Bool("json", false, "print JSON")
	cli.Parse("Doctor prints every Python that pyhost finds on this machine.")

	found := pyhost.Discover(context.Background())
	var err error
	switch {
	case *usable:
		err = printUsable(os.Stdout, found)
	case *asJSON:
		err = printJSON(os.Stdout, found)
	default:
		err = printTable(os.Stdout, found)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// taken is the index of the Python that Open takes, or of the chosen one that makes it fail; -1 if
// there is none.
func taken(found []pyhost.Python) int {
	for i, p := range found {
		if p.Usable() || p.Chosen {
			return i
		}
	}
	return -1
}

func printTable(w io.Writer, found []pyhost.Python) error {
	take := taken(found)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tVERSION\tFLAVOUR\tSOURCE\tEXECUTABLE\tLIBPYTHON\tUSABLE")
	for i, p := range found {
		mark, usable := "", "yes"
		if i == take {
			mark = "*"
		}
		if !p.Usable() {
			usable = "no: " + p.Err.Error()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark, or(p.Version), flavour(p),
			p.Source, short(p.Executable), short(within(p.BasePrefix, p.Libpython)), usable)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict(found, take))
	return err
}

func verdict(found []pyhost.Python, take int) string {
	if take < 0 {
		return "No usable Python was found."
	}
	p := found[take]
	if !p.Usable() {
		return fmt.Sprintf("* pyhost.Open fails on this one (%s): %v", p.Source, p.Err)
	}
	return fmt.Sprintf("* pyhost.Open takes this one: CPython %s, %s (%s)",
		p.Version, p.Executable, p.Source)
}

func flavour(p pyhost.Python) string {
	name := "GIL"
	switch {
	case p.Version == "":
		return "-"
	case p.FreeThreaded:
		name = "free-threaded"
	}
	if p.Venv {
		name += ", venv"
	}
	return name
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// within is path as seen from the prefix that it lies in.
func within(prefix, path string) string {
	if rest, ok := strings.CutPrefix(path, prefix+string(filepath.Separator)); ok && prefix != "" {
		return rest
	}
	return path
}

// short writes the home folder as ~.
func short(path string) string {
	home, err := os.UserHomeDir()
	if rest := within(home, path); err == nil && rest != path {
		return filepath.Join("~", rest)
	}
	return or(path)
}

// printUsable is for scripts that run something on every kind of Python there is.
func printUsable(w io.Writer, found []pyhost.Python) error {
	for _, p := range newest(found) {
		path := p.Executable
		if path == "" {
			path = p.Libpython
		}
		if _, err := fmt.Fprintln(w, path); err != nil {
			return err
		}
	}
	return nil
}

// newest keeps the newest usable patch of each minor version and flavour, in the order found.
func newest(found []pyhost.Python) []pyhost.Python {
	index := map[string]int{}
	var list []pyhost.Python
	for _, p := range found {
		if !p.Usable() {
			continue
		}
		minor, patch := split(p.Version)
		key := minor + flavourKey(p)
		i, seen := index[key]
		if !seen {
			index[key] = len(list)
			list = append(list, p)
			continue
		}
		if _, have := split(list[i].Version); patch > have {
			list[i] = p
		}
	}
	return list
}

func flavourKey(p pyhost.Python) string {
	if p.FreeThreaded {
		return "t"
	}
	return ""
}

// split makes 3.14 and 2 of "3.14.2"; a pre-release, "3.15.0b1", and a version without a patch
// count as -1.
func split(version string) (minor string, patch int) {
	var x, y int
	var rest string
	n, _ := fmt.Sscanf(version, "%d.%d.%d%s", &x, &y, &patch, &rest)
	if n != 3 {
		patch = -1
	}
	return fmt.Sprintf("%d.%d", x, y), patch
}

// A report is a Python in JSON.
type report struct {
	Version      string `json:"version"`
	FreeThreaded bool   `json:"free_threaded"`
	Venv         bool   `json:"venv"`
	Executable   string `json:"executable"`
	Libpython    string `json:"libpython"`
	Prefix       string `json:"prefix"`
	BasePrefix   string `json:"base_prefix"`
	Stdlib       string `json:"stdlib"`
	Source       string `json:"source"`
	Usable       bool   `json:"usable"`
	Taken        bool   `json:"taken"` // by Open
	Error        string `json:"error,omitempty"`
}

func printJSON(w io.Writer, found []pyhost.Python) error {
	take := taken(found)
	reports := make([]report, len(found))
	for i, p := range found {
		reports[i] = report{
			Version: p.Version, FreeThreaded: p.FreeThreaded, Venv: p.Venv,
			Executable: p.Executable, Libpython: p.Libpython,
			Prefix: p.Prefix, BasePrefix: p.BasePrefix, Stdlib: p.Stdlib,
			Source: p.Source, Usable: p.Usable(), Taken: i == take && p.Usable(),
		}
		if p.Err != nil {
			reports[i].Error = p.Err.Error()
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(reports)
}
