package arrow_test

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	_ "github.com/pyhost/pyhost/pyhost/bundled"
)

// rt is the runtime that most tests share. Its __main__ has the producer and consumer of
// testdata/capsules.py.
var rt *pyhost.Runtime

var bg = context.Background()

//go:embed testdata/capsules.py
var capsules string

var inCapsules = pyhost.Scope{File: "testdata/capsules.py"}

// children are programs of their own: the test binary runs itself again with one of them.
var children = map[string]func() error{}

const childVar = "PYHOST_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childVar); name != "" {
		if err := children[name](); err != nil {
			fmt.Fprintln(os.Stderr, "child failed:", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if rt, err = open(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := rt.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func open() (*pyhost.Runtime, error) {
	rt, err := pyhost.Open(pyhost.Config{})
	if err == nil {
		err = rt.Exec(bg, capsules, inCapsules)
	}
	return rt, err
}

// child runs one of children and returns what it printed; it must exit with 0.
func child(t *testing.T, name string) string {
	t.Helper()
	require.Contains(t, children, name)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+name)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func mustExec(t testing.TB, code string) {
	t.Helper()
	require.NoError(t, rt.Exec(bg, code))
}

func eval[T any](t testing.TB, expr string) T {
	t.Helper()
	v, err := pyhost.Eval[T](bg, rt, expr)
	require.NoError(t, err)
	return v
}

// need skips the test if this Python lacks a module.
func need(t testing.TB, module string) {
	t.Helper()
	if err := rt.Exec(bg, "import "+module); err != nil {
		require.ErrorIs(t, err, pyhost.ModuleNotFoundError)
		t.Skip(module + " is not installed for this Python")
	}
}

// numbers makes a batch of int64 columns a, b, c...
func numbers(mem memory.Allocator, columns ...[]int64) arrow.RecordBatch {
	fields := make([]arrow.Field, len(columns))
	arrays := make([]arrow.Array, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: string(rune('a' + i)), Type: arrow.PrimitiveTypes.Int64}
		b := array.NewInt64Builder(mem)
		b.AppendValues(c, nil)
		arrays[i] = b.NewArray()
		defer arrays[i].Release()
		defer b.Release()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, int64(len(columns[0])))
}

// rows are the columns of a batch of int64.
func rows(b arrow.RecordBatch) [][]int64 {
	out := make([][]int64, b.NumCols())
	for i := range out {
		out[i] = b.Column(i).(*array.Int64).Int64Values()
	}
	return out
}

func addresses(b arrow.RecordBatch) []uintptr {
	out := make([]uintptr, b.NumCols())
	for i, c := range b.Columns() {
		out[i] = addressOf(c.Data().Buffers()[1].Bytes())
	}
	return out
}
