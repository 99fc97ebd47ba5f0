//go:build unix

package main

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe is no log: whoever reads it may stop reading.
func TestAppendLogToAPipe(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := appendLog(pipe); !errors.Is(err, errNoLog) || isMistake(err) {
		t.Errorf("got %v", err)
	}
}
