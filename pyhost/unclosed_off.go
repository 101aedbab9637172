//go:build !pydebug

package pyhost

// Nobody keeps account of Refs: see unclosed_debug.go.
type (
	origin  struct{}
	origins struct{}
)

func (*origin) opened(*Runtime)   {}
func (*origin) closed(*Runtime)   {}
func (*origin) lost(*Runtime)     {}
func (*origins) list() []Unclosed { return nil }
func (*origins) report()          {}
