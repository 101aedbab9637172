package pyhost_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

const listLength = 10_000

// BenchmarkList: lists of 10,000 values into Python and back, beside a loop in C that makes or
// reads the same list. Go's collector runs every few dozen lists in a program that has nothing else
// in its heap: so the way back is measured with GOGC=400 too, as if there were more; and what Go
// alone takes to copy such a list, collections included, is added to C's time: the least there is.
func BenchmarkList(b *testing.B) {
	ints, floats, texts := make([]int64, listLength), make([]float64, listLength),
		make([]string, listLength)
	for i := range listLength {
		ints[i], floats[i] = int64(i)*1000003, float64(i)*0.5
		texts[i] = fmt.Sprintf("item %c123456", 'a'+i%26)
	}
	if err := rt.Exec(bg, "def keep(v): global kept; kept = v"); err != nil {
		b.Fatal(err)
	}
	b.Run("int64", func(b *testing.B) { list(b, 0, ints) })
	b.Run("float64", func(b *testing.B) { list(b, 1, floats) })
	b.Run("string", func(b *testing.B) { list(b, 2, texts) })
}

const lists = 20 // a round

func list[T any](b *testing.B, kind int, values []T) {
	require.NoError(b, rt.Call(bg, "keep", nil, values))
	var into, back, cInto, cBack, copied, larger []time.Duration
	inC := func(back bool) time.Duration {
		return time.Duration(pyhost.Interp(rt).BenchList(kind, listLength, lists, back))
	}
	for b.Loop() {
		into = append(into, times(b, lists, func() error {
			return rt.Call(bg, "len", nil, values)
		}))
		cInto = append(cInto, inC(false))
		var got []T
		back = append(back, times(b, lists, func() error { return rt.Eval(bg, "kept", &got) }))
		cBack = append(cBack, inC(true))
		copied = append(copied, times(b, lists, func() error { sink = cloneList(got); return nil }))
		require.Equal(b, values, got)
		percent := debug.SetGCPercent(400)
		larger = append(larger, times(b, lists, func() error { return rt.Eval(bg, "kept", &got) }))
		debug.SetGCPercent(percent)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(into))/lists/listLength, "into-ns/item")
	b.ReportMetric(float64(median(into))/float64(median(cInto)), "into/C")
	b.ReportMetric(float64(median(back))/lists/listLength, "back-ns/item")
	b.ReportMetric(float64(median(back))/float64(median(cBack)), "back/C")
	b.ReportMetric(1+float64(median(copied))/float64(median(cBack)), "least/C")
	b.ReportMetric(float64(median(larger))/float64(median(cBack)), "back/C-GOGC400")
}

func cloneList(list any) any {
	switch list := list.(type) {
	case []int64:
		return slices.Clone(list)
	case []float64:
		return slices.Clone(list)
	case []string:
		list = slices.Clone(list)
		for i, s := range list {
			list[i] = strings.Clone(s)
		}
		return list
	}
	panic("no such list")
}

func times(b *testing.B, n int, fn func() error) time.Duration {
	start := time.Now()
	for range n {
		if err := fn(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

type node struct {
	Name     string   `json:"name" py:"name"`
	Value    int      `json:"value" py:"value"`
	Score    float64  `json:"score" py:"score"`
	Tags     []string `json:"tags" py:"tags"`
	Children []*node  `json:"children" py:"children"`
}

func tree(depth, width int, at string) *node {
	n := &node{Name: "node" + at, Value: len(at) * 1000, Score: 1.25,
		Tags: []string{"a", "tag" + at}}
	for i := range width {
		if depth > 0 {
			n.Children = append(n.Children, tree(depth-1, width, at+string(rune('a'+i))))
		}
	}
	return n
}

// clone makes what a decoder must make, and no more.
func (n *node) clone() *node {
	c := *n
	c.Name, c.Tags = strings.Clone(n.Name), make([]string, len(n.Tags))
	for i, t := range n.Tags {
		c.Tags[i] = strings.Clone(t)
	}
	c.Children = make([]*node, len(n.Children))
	for i, m := range n.Children {
		c.Children[i] = m.clone()
	}
	return &c
}

func cloneAny(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Clone(v)
	case []any:
		c := slices.Clone(v)
		for i := range c {
			c[i] = cloneAny(c[i])
		}
		return c
	case map[string]any:
		c := maps.Clone(v)
		for k := range c {
			c[k] = cloneAny(c[k])
		}
		return c
	case int64:
		return v + 1 // a box of its own
	case float64:
		return v + 1
	}
	return v
}

// BenchmarkGraph: a tree of 9,841 nodes, as structs and as map[string]any, into Python and back,
// beside encoding/json and Python's json; and what is allocated in Go, and the way back as a whole,
// beside a copy by hand of the same graph in Go.
func BenchmarkGraph(b *testing.B) {
	root := tree(4, 9, "") // 7,381 nodes, and three trees of 820
	for len(root.Children) < 12 {
		root.Children = append(root.Children, tree(3, 9, "more"))
	}
	text, err := json.Marshal(root)
	require.NoError(b, err)
	var decoded any
	require.NoError(b, rt.Call(bg, "json.loads", &decoded, string(text)))
	require.NoError(b, rt.Exec(bg, "import json\ndef keep(v): global kept; kept = v\n"+
		"def loads(s): json.loads(s)\ndef dumps(): return json.dumps(kept)\ndef drop(v): pass"))
	b.Run("struct", func(b *testing.B) {
		graph(b, root, func() any { return root.clone() }, func() any { return new(*node) })
	})
	b.Run("map", func(b *testing.B) {
		graph(b, decoded, func() any { return cloneAny(decoded) }, func() any { return new(any) })
	})
}

func graph(b *testing.B, v any, clone, target func() any) {
	require.NoError(b, rt.Call(bg, "keep", nil, v))
	back := func() error { return rt.Eval(bg, "kept", target()) }
	var into, intoJSON, outOf, outOfJSON, copied []time.Duration
	for b.Loop() {
		into = append(into, times(b, 1, func() error { return rt.Call(bg, "drop", nil, v) }))
		intoJSON = append(intoJSON, times(b, 1, func() error {
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			return rt.Call(bg, "loads", nil, string(text))
		}))
		outOf = append(outOf, times(b, 1, back))
		outOfJSON = append(outOfJSON, times(b, 1, func() error {
			text, err := pyhost.Call[string](bg, rt, "dumps")
			if err != nil {
				return err
			}
			return json.Unmarshal([]byte(text), target())
		}))
	}
	for range outOf { // not in between: what the collector has to do for it would slow the rest
		copied = append(copied, times(b, 1, func() error { sink = clone(); return nil }))
	}
	sink = nil
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(into))/1e6, "into-ms")
	b.ReportMetric(float64(median(intoJSON))/float64(median(into)), "JSON/into")
	b.ReportMetric(float64(median(outOf))/1e6, "back-ms")
	b.ReportMetric(float64(median(outOfJSON))/float64(median(outOf)), "JSON/back")
	b.ReportMetric(float64(median(outOf))/float64(median(copied)), "back/copy")
	allocs := testing.AllocsPerRun(5, func() { _ = back() })
	b.ReportMetric(allocs/testing.AllocsPerRun(5, func() { sink = clone() }), "allocs/copy")
}

var sink any
