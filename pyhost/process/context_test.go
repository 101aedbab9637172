//go:build linux

package process_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	"github.com/pyhost/pyhost/pyhost/process"
)

func TestNilContext(t *testing.T) {
	var none context.Context
	_, err := process.Start(none, process.Config{})
	require.ErrorIs(t, err, pyhost.ErrNilContext)
	_, err = process.NewPool(none, process.PoolConfig{Size: 1})
	require.ErrorIs(t, err, pyhost.ErrNilContext)
	rt := start(t, process.Config{})
	require.ErrorIs(t, process.Register[item](none, rt, "object"), pyhost.ErrNilContext)
	ref, err := pyhost.Call[*pyhost.Ref](bg, rt, "object")
	require.NoError(t, err)
	require.ErrorIs(t, ref.Call(none, nil), pyhost.ErrNilContext)
	require.ErrorIs(t, ref.Decode(none, new(any)), pyhost.ErrNilContext)
	_, err = rt.NewNamespace(none)
	require.ErrorIs(t, err, pyhost.ErrNilContext)
	require.ErrorIs(t, rt.Module(none, "m", nil), pyhost.ErrNilContext)
	require.ErrorIs(t, rt.LogTo(none, nil), pyhost.ErrNilContext)
}
