package pyhost_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

type Inside struct {
	Depth int `py:"depth"`
}

type stated struct {
	Name  string   `py:"name"`
	Tags  []string `py:"tags"`
	Extra any      `py:"extra,omitempty"`
	*Inside
	Share float64 `py:"share"`
	On    bool    `py:"on"`
	Small int8    `py:"small"`
	Big   int64   `py:"big"`
	Next  *stated `py:"next,omitempty"`
}

// Each struct of a list has its own fields, in their order, whichever those before it had.
func TestStructsOfOneType(t *testing.T) {
	list := []stated{
		{Name: "a", Tags: []string{}, Share: 0.5, On: true, Small: -1, Big: 1 << 60},
		{Extra: 7, Inside: &Inside{3}},
		{Next: &stated{Extra: "x"}},
	}
	const rest = "'share': 0.0, 'on': False, 'small': 0, 'big': 0"
	want := "[{'name': 'a', 'tags': [], 'share': 0.5, 'on': True, 'small': -1, " +
		"'big': 1152921504606846976}, " +
		"{'name': '', 'tags': None, 'extra': 7, 'depth': 3, " + rest + "}, " +
		"{'name': '', 'tags': None, " + rest + ", " +
		"'next': {'name': '', 'tags': None, 'extra': 'x', " + rest + "}}]"
	for _, v := range []any{list, [3]stated(list), []any{list[0], list[1], &list[2]}} {
		var got string
		require.NoError(t, rt.Call(bg, "repr", &got, v))
		require.Equal(t, want, got, "%T", v)
	}
}

// However many types of structs there are in a value, and however long their names.
func TestStructsOfManyTypes(t *testing.T) {
	var list []any
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("f%d", i)
		if i%10 == 3 {
			name = strings.Repeat(name, 200)
		}
		v := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "X",
			Type: reflect.TypeFor[int](), Tag: reflect.StructTag(`py:"` + name + `"`)}}))
		v.Elem().Field(0).SetInt(int64(i))
		list = append(list, v.Interface(), v.Elem().Interface())
		want = append(want, fmt.Sprintf("{'%s': %d}", name, i), fmt.Sprintf("{'%s': %d}", name, i))
	}
	var got string
	require.NoError(t, rt.Call(bg, "repr", &got, list))
	require.Equal(t, "["+strings.Join(want, ", ")+"]", got)
}

// The names of fields, and keys that recur, are kept while a value is made, and no longer; also
// where that ends in the middle.
func TestStructsAndKeysLeaveNothing(t *testing.T) {
	var list []any
	for i := range 40 {
		list = append(list, stated{Name: "a"}, Inside{i}, map[string]int{"key": i, "other": i})
	}
	broken := append(list[:len(list):len(list)], map[any]any{[1]string{"no"}: 1},
		pyhost.Set{[]int{1}})
	round := func() {
		for range 100 {
			require.NoError(t, rt.Call(bg, "len", nil, list))
			require.ErrorIs(t, rt.Call(bg, "len", nil, broken), pyhost.TypeError)
		}
	}
	round()
	before := allocated(t)
	round()
	require.Less(t, allocated(t), before+100)
}
