package session

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/failure"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A disk that refuses the emulator's file is no mistake in the scenario.
func TestUnstartable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code fleet.ExitCode
		next string
	}{
		{&fs.PathError{Op: "write", Path: "fleet.db.emulator.1.tmp", Err: syscall.ENOSPC}, fleet.ExitInternal,
			"check its disk"},
		{&fs.PathError{Op: "open", Path: "fleet.db.emulator", Err: syscall.EROFS}, fleet.ExitInternal,
			"check its disk"},
		{errors.New("faults[0]: no such kind"), fleet.ExitUsage, "correct the scenario"},
	} {
		got, ok := errors.AsType[*failure.Error](unstartable(c.err, "fleet.db.emulator"))
		if !ok || got.Code != c.code || !strings.HasPrefix(got.Next, c.next) || strings.Contains(got.Error(), ".tmp") {
			t.Errorf("%v: %d %v; next: %s", c.err, got.Code, got, got.Next)
		}
	}
}
