//go:build linux && !amd64

package syscalls

import (
	"errors"
	"syscall"
)

// Elsewhere registers differ too much: there Run only records.

func skipCall(int) error { return errors.ErrUnsupported }

func setResult(int, syscall.Errno) error { return errors.ErrUnsupported }
