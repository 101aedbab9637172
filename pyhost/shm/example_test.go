//go:build linux

package shm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/shm"
)

// run runs a plain python3, the first that is found.
func run(script string, args ...string) {
	exe := pyhost.Discover(context.Background())[0].Executable
	cmd := exec.Command(exe, append([]string{"-c", script}, args...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
}

// The numbers are written in Go, squared where they are by a Python process, and read in Go.
func Example() {
	seg, err := shm.Create("", 4*8)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	x, err := shm.Slice[float64](seg, 0, 4)
	if err != nil {
		log.Fatal(err)
	}
	copy(x, []float64{1, 2, 3, 4})

	run(shm.Setup+`
import sys
from pyhost_shm import SharedMemory
seg = SharedMemory(sys.argv[1])
with memoryview(seg.buf).cast("d") as x:
    for i in range(len(x)): x[i] **= 2
seg.close()`, seg.Name())
	fmt.Println(x)
	if err := seg.Unlink(); err != nil {
		log.Fatal(err)
	}
	// Output: [1 4 9 16]
}

// Items may be replaced, on both sides, but not grow beyond their place.
func ExampleCreateList() {
	list, err := shm.CreateList("", "state: new", 0, 0.5, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer list.Close()
	run(shm.Setup+`
import sys
from pyhost_shm import ShareableList
items = ShareableList(name=sys.argv[1])
print(list(items))
items[0], items[1] = "state: done", 42`, list.Name())
	items, err := list.Items()
	fmt.Println(items, err)
	err = list.Set(3, "longer than None")
	fmt.Println(errors.Is(err, shm.ErrItem))
	if err := list.Unlink(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// ['state: new', 0, 0.5, None]
	// [state: done 42 0.5 <nil>] <nil>
	// true
}

// What a Manager has made is unlinked by its Close, or when the program ends, however it does.
func ExampleManager() {
	m, err := shm.NewManager()
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	seg, err := m.Create(1 << 20)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	run(`
import sys
from multiprocessing.shared_memory import SharedMemory
seg = SharedMemory(sys.argv[1], create=True, size=10)
print(seg.size)
seg.close()
seg.unlink()`, m.NewName())
	fmt.Println(seg.Size())
	// Output:
	// 10
	// 1048576
}

// Setup makes the module importable in a runtime of this process.
func ExampleSetup() {
	rt, err := pyhost.Open(pyhost.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer rt.Close()
	seg, err := shm.Create("", 5)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Close()
	copy(seg.Bytes(), "hello")
	ctx := context.Background()
	err = rt.Exec(ctx, shm.Setup+`
from pyhost_shm import SharedMemory
def text(name):
    seg = SharedMemory(name)
    try: return bytes(seg.buf).decode()
    finally: seg.close()`)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pyhost.Call[string](ctx, rt, "text", seg.Name()))
	if err := seg.Unlink(); err != nil {
		log.Fatal(err)
	}
	// Output: hello <nil>
}
