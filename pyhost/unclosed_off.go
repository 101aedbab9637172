//go:build !pydebug

package pyhost

// Nobody keeps account of Refs: see unclosed_debug.go.
type (
	origin  struct{}
	origins struct{}
)

func (*held) opened()             {}
func (*held) closed()             {}
func (*held) lost()               {}
func (*origins) list() []Unclosed { return nil }
func (*origins) report()          {}
