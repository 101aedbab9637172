package pyhost

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkLocate is what Open pays on a machine where it has run before.
func BenchmarkLocate(b *testing.B) {
	named := realPythons(b)[0].Executable
	for name, spec := range map[string]string{"search": "", "named": named} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := locate(context.Background(), spec)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkDiscover(b *testing.B) {
	for b.Loop() {
		Discover(context.Background())
	}
}
