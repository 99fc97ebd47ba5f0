//go:build unix

package textfile

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenRegularDoesNotWait: a named pipe that nobody writes to is refused, not
// waited for.
func TestOpenRegularDoesNotWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRegular(pipe); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
	if _, err := OpenInside(dir, pipe); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
	if _, err := OpenRegular("/dev/null"); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
}
