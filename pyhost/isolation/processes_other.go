//go:build !linux

package isolation

import (
	"context"
	"errors"
	"fmt"
)

func (*Runtimes) startProcesses(context.Context, *Config) error {
	return fmt.Errorf("isolation: Processes need Linux: %w", errors.ErrUnsupported)
}
