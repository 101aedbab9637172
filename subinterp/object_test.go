package subinterp_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/subinterp"
)

// Objects of a sub-interpreter, and what it makes of those of another one.
func TestObjects(t *testing.T) {
	cfg := subinterp.Config{Setup: "import sys, gc\nclass Row: pass\n" +
		"row = Row()\nrow.field = [1, 2]"}
	each(t, cfg, func(t *testing.T, rt *pyhost.Runtime) {
		require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
			useObjects(t, th)
			return nil
		}))
		require.NoError(t, mainRT.Do(bg, func(th *pyhost.Thread) error {
			foreign, err := th.Value([]int{1})
			require.NoError(t, err)
			require.NoError(t, rt.Do(bg, func(th *pyhost.Thread) error {
				refuseObject(t, th, foreign)
				return nil
			}))
			n, err := foreign.Len()
			require.NoError(t, err)
			require.Equal(t, 1, n)
			return nil
		}))
	})
}

func refuseObject(t *testing.T, th *pyhost.Thread, foreign *pyhost.Object) {
	list, err := th.NewList(1)
	require.NoError(t, err)
	var ref *pyhost.Ref
	require.NoError(t, mainRT.Eval(bg, "object()", &ref))
	defer ref.Close()
	for _, v := range []any{foreign, ref, []any{foreign}, []any{ref}} {
		_, err = list.Call("append", v)
		require.ErrorIs(t, err, pyhost.ErrOtherRuntime)
		require.ErrorIs(t, list.SetItem(0, v), pyhost.ErrOtherRuntime)
	}
	_, err = foreign.Len()
	require.ErrorIs(t, err, pyhost.ErrWrongThread)
}

func useObjects(t *testing.T, th *pyhost.Thread) {
	row, err := th.Lookup("row")
	require.NoError(t, err)
	refs := func() (n int) {
		require.NoError(t, th.Scope(func() error {
			o, err := th.Eval("(gc.collect(), sys.getrefcount(row))[1]")
			require.NoError(t, err)
			return o.Decode(&n)
		}))
		return n
	}
	before := refs()
	for range 1000 {
		require.NoError(t, th.Scope(func() error {
			require.NoError(t, row.SetAttr("again", row))
			field, err := row.Attr("field")
			require.NoError(t, err)
			for item, err := range field.Iter() {
				require.NoError(t, err)
				_, err = item.Binary("+", 1)
				require.NoError(t, err)
			}
			ref := row.Keep()
			defer ref.Close()
			d, err := th.NewDict("row", ref, row, []any{row})
			require.NoError(t, err)
			_, err = d.Call("get", "missing", row)
			require.NoError(t, err)
			_, err = d.Item("missing")
			require.ErrorIs(t, err, pyhost.KeyError)
			return row.DelAttr("again")
		}))
	}
	runtime.GC()
	require.Equal(t, before, refs())
}
