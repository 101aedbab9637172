package pyhost_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/pyhost/pyhost/pyhost"
)

// A checksum of Go memory that Python does not copy.
func ExampleNewBuffer() {
	b, err := pyhost.NewBuffer([]byte("memory of Go"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	fmt.Println(pyhost.Call[uint32](context.Background(), rt, "zlib.crc32", b))
	// Output: 2216099277 <nil>
}

// A picture of two rows and three columns, which Python changes in place.
func ExampleNewWritableBuffer() {
	ctx := context.Background()
	pixels := []uint16{10, 20, 30, 40, 50, 60}
	b, err := pyhost.NewWritableBuffer(pixels, 2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	err = rt.Exec(ctx, `
def invert(picture):
    with memoryview(picture) as m: # or numpy.asarray(picture)
        rows, columns = m.shape
        for y in range(rows):
            for x in range(columns):
                m[y, x] = 255 - m[y, x]
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = rt.Call(ctx, "invert", nil, b)
	fmt.Println(pixels, err)
	// Output: [245 235 225 215 205 195] <nil>
}

// Python keeps a view: the memory stays, and OnRelease tells when it is Go's alone.
func ExampleBuffer_Close() {
	ctx := context.Background()
	b, err := pyhost.NewBuffer([]float64{1, 2, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	released := make(chan struct{})
	b.OnRelease(func() { close(released) })
	if err := rt.Exec(ctx, "def keep(b): global kept; kept = memoryview(b)"); err != nil {
		fmt.Println(err)
		return
	}
	if err := rt.Call(ctx, "keep", nil, b); err != nil {
		fmt.Println(err)
		return
	}
	err = b.Close()
	fmt.Println(err, errors.Is(err, pyhost.ErrInUse))
	if err := rt.Exec(ctx, "del kept"); err != nil {
		fmt.Println(err)
		return
	}
	<-released
	fmt.Println(b.Close())
	// Output:
	// pyhost: Python has views of the buffer: 1 true
	// <nil>
}

// The memory of an array as a slice, without a copy.
func ExampleViewOf() {
	ctx := context.Background()
	var array *pyhost.Ref
	if err := rt.Call(ctx, "array.array", &array, "d", []float64{1, 2, 4}); err != nil {
		fmt.Println(err)
		return
	}
	defer array.Close()
	v, err := pyhost.ViewOf[float64](ctx, array)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Release()
	fmt.Println(v.Data, v.Shape, v.Format, v.Copied)
	// Output: [1 2 4] [3] d false
}
