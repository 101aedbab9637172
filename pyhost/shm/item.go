//go:build linux

package shm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Formats and codes of items.
const (
	formatInt   = "q"
	formatFloat = "d"
	formatBool  = "xxxxxxx?"
	formatNone  = "xxxxxx?x"

	codeNumber = 0
	codeString = 1
	codeBytes  = 2
	codeNone   = 3
)

// item is a value as it is kept.
type item struct {
	format string // "" for strings and bytes, whose format tells the room
	code   byte
	bytes  []byte
}

// room is what it gets in a new list.
func (it item) room() int {
	if it.format != "" {
		return word
	}
	return word * (len(it.bytes)/word + 1)
}

// least is what it needs in an old one.
func (it item) least() int {
	if it.format != "" {
		return word
	}
	return len(it.bytes)
}

func encode(v any) (item, error) {
	if v == nil {
		return item{formatNone, codeNone, nil}, nil
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Bool:
		b := make([]byte, word)
		if r.Bool() {
			b[word-1] = 1
		}
		return item{formatBool, codeNumber, b}, nil
	case r.CanInt():
		return number(formatInt, uint64(r.Int())), nil
	case r.CanUint():
		if r.Uint() > math.MaxInt64 {
			return item{}, fmt.Errorf("%w: %d is more than 64 bits with a sign", ErrItem, r.Uint())
		}
		return number(formatInt, r.Uint()), nil
	case r.CanFloat():
		return number(formatFloat, math.Float64bits(r.Float())), nil
	case r.Kind() == reflect.String:
		if !utf8.ValidString(r.String()) {
			return item{}, fmt.Errorf("%w: a string that is no UTF-8", ErrItem)
		}
		return text(codeString, []byte(r.String()))
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		return text(codeBytes, r.Bytes())
	}
	return item{}, fmt.Errorf("%w: a %T", ErrItem, v)
}

func number(format string, bits uint64) item {
	return item{format, codeNumber, binary.NativeEndian.AppendUint64(nil, bits)}
}

func text(code byte, b []byte) (item, error) {
	if len(b) >= maxText {
		return item{}, fmt.Errorf("%w: %d bytes are more than %d", ErrItem, len(b), maxText-1)
	}
	if len(b) > 0 && b[len(b)-1] == 0 {
		return item{}, fmt.Errorf("%w: it ends in a NUL, which would be lost", ErrItem)
	}
	return item{"", code, b}, nil
}

// put writes an item for which there is room.
func (l layout) put(data []byte, i int, it item) {
	place := data[l.offsets[i]:l.offsets[i+1]]
	if it.format == "" {
		place = place[:min(len(place), maxText)]
		it.format = strconv.Itoa(len(place)) + "s"
	} else {
		place = place[:word]
	}
	clear(place[copy(place, it.bytes):])
	format := data[l.formats+word*i:][:word]
	clear(format[copy(format, it.format):])
	data[l.codes+i] = it.code
}

// get reads an item, whose format and code may be anything.
func (l layout) get(data []byte, i int) (any, error) {
	place := data[l.offsets[i]:l.offsets[i+1]]
	format := string(bytes.TrimRight(data[l.formats+word*i:][:word], "\x00"))
	code := data[l.codes+i]
	if code == codeNone && format == formatNone {
		return nil, nil
	}
	if code == codeString || code == codeBytes {
		return readText(place, format, code)
	}
	if code != codeNumber || len(place) < word {
		return nil, fmt.Errorf("%w: format %q, code %d, %d bytes", ErrNotList, format, code,
			len(place))
	}
	switch bits := binary.NativeEndian.Uint64(place); format {
	case formatInt:
		return int64(bits), nil
	case formatFloat:
		return math.Float64frombits(bits), nil
	case formatBool:
		return place[word-1] != 0, nil
	}
	return nil, fmt.Errorf("%w: format %q, code %d", ErrNotList, format, code)
}

func readText(place []byte, format string, code byte) (any, error) {
	digits, ok := strings.CutSuffix(format, "s")
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n > uint64(len(place)) {
		return nil, fmt.Errorf("%w: format %q, code %d, %d bytes", ErrNotList, format, code,
			len(place))
	}
	b := bytes.Clone(bytes.TrimRight(place[:n], "\x00"))
	if code == codeBytes {
		if b == nil {
			b = []byte{}
		}
		return b, nil
	}
	// Python gives a string as many bytes as it has characters: others than ASCII are cut off.
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("%w: a string that is no UTF-8: %q", ErrItem, b)
	}
	return string(b), nil
}
