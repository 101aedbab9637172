package cgo

import (
	"unsafe"
)

// far is a blob that Frame.Fetch has copied; what kind it is has been looked at by whoever cares.
func (d *Decoder) far() ([]byte, error) {
	if _, err := d.tag(); err != nil {
		return nil, err
	}
	i, err := d.number()
	if err != nil || i >= uint64(len(d.Far)) {
		return nil, ErrMalformed
	}
	return d.Far[i], nil
}

// farKind is the kind of the far blob that follows.
func (d *Decoder) farKind() byte {
	if d.pos < len(d.Buf) {
		return d.Buf[d.pos]
	}
	return tagFar
}

// isText and isBytes tell what a tag stands for, wherever the blob is.
func (d *Decoder) isText(t byte) bool {
	return t == tagStr8 || t == tagStr || t == tagFar && d.farKind() == tagStr
}

func (d *Decoder) isBytes(t byte) bool {
	return t == tagBytes || t == tagFar && d.farKind() == tagBytes
}

func (d *Decoder) str(t byte) (string, error) {
	if !d.isText(t) {
		return "", d.mismatch(t, "string")
	}
	b, err := d.blob(t)
	if err != nil {
		return "", err
	}
	if t == tagFar {
		return unsafe.String(unsafe.SliceData(b), len(b)), nil // nobody else has it
	}
	return d.text(b), nil
}

// Small texts of a large result share their memory, so many that none keeps more than a chunk.
const (
	chunkSize = 1 << 10
	smallText = 64
)

func (d *Decoder) text(b []byte) string {
	if len(b) > smallText || len(d.Buf) < chunkSize {
		return string(b)
	}
	if cap(d.chunk)-len(d.chunk) < len(b) {
		d.chunk = make([]byte, 0, chunkSize)
	}
	n := len(d.chunk)
	d.chunk = append(d.chunk, b...)
	return unsafe.String(unsafe.SliceData(d.chunk[n:]), len(b))
}

// key is the text of a key, which is often that of another.
func (d *Decoder) key(t byte) (string, error) {
	b, err := d.blob(t)
	if err != nil || len(b) > smallText || len(b) == 0 || len(d.Buf) < chunkSize {
		return string(b), err
	}
	if d.keys == nil {
		d.keys = new([64]string)
	}
	at := &d.keys[(int(b[0])*7+int(b[len(b)-1])*31+int(b[len(b)/2])*3+len(b))%64]
	if *at != string(b) {
		*at = d.text(b)
	}
	return *at, nil
}

// asBytes gives the bytes for the program to keep.
func (d *Decoder) asBytes(t byte) ([]byte, error) {
	b, err := d.blob(t)
	if err != nil || t == tagFar {
		return b, err
	}
	return append([]byte{}, b...), nil
}
