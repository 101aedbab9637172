//go:build pydebug

package pyhost_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

//go:noinline
func keepOne(t *testing.T, closed bool) *pyhost.Ref {
	var ref *pyhost.Ref
	attached(t, func(th *pyhost.Thread) { ref = eval(t, th, "object()").Keep() })
	if closed {
		ref.Close()
	}
	return ref
}

// unclosed are those that keepOne has made.
func unclosed() (all []pyhost.Unclosed) {
	for _, u := range rt.Unclosed() {
		if strings.Contains(u.Stack, "keepOne") {
			all = append(all, u)
		}
	}
	return all
}

func TestUnclosed(t *testing.T) {
	for range 3 {
		keepOne(t, true)
	}
	require.Empty(t, unclosed())
	refs := []*pyhost.Ref{}
	for range 3 {
		refs = append(refs, keepOne(t, false))
	}
	list := unclosed()
	require.Len(t, list, 1)
	require.Equal(t, 3, list[0].Open)
	require.Contains(t, list[0].Stack, "unclosed_debug_test.go:")
	require.Contains(t, list[0].Stack, "TestUnclosed")
	require.NotContains(t, strings.Split(list[0].Stack, "\n")[0], "pyhost.(*Object).Keep")
	for _, r := range refs {
		r.Close()
	}
	require.Empty(t, unclosed())
	keepOne(t, false)
	require.Eventually(t, func() bool {
		runtime.GC()
		list := unclosed()
		return len(list) == 1 && list[0].Open == 0 && list[0].Collected == 1
	}, waitLong, waitTick)
}
