// Package migrate is what the programs in its folders share. They do the same, count the words of
// texts on as many goroutines, and show how a program moves: before is written against go-python3
// alone, half is on the way, with its functions unchanged inside pyhost's runtime, and after needs
// go-python3 no more.
package migrate

import (
	_ "embed"
	"fmt"
	"strings"
)

// Source is the Python half of the programs.
//
//go:embed words.py
var Source string

// Texts are what the words are counted of.
var Texts = []string{
	"the quick brown fox jumps over the lazy dog",
	"Fire burn and cauldron bubble bubble bubble",
	" ",
	"ein Körnchen Salz ein Löffel Öl",
}

// Word is a word and how often it was found.
type Word struct {
	Text  string
	Times int
}

// Line is one line of output.
func Line(words []Word, err error) string {
	if err != nil {
		return err.Error()
	}
	var line strings.Builder
	for _, w := range words {
		fmt.Fprintf(&line, "%s×%d ", w.Text, w.Times)
	}
	return strings.TrimSpace(line.String())
}
