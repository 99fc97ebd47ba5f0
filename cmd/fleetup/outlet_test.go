package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// closedPipe is the writing end of a pipe that nobody reads.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestClosedPipes: a reader that went away (fleetup report | head -1) ends
// neither a report with a trace nor a rollout.
func TestClosedPipes(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	run := func(want fleet.ExitCode, stdout, stderr io.Writer, args ...string) {
		t.Helper()
		cmd := exec.Command("fleetup", args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, stdout, stderr
		err := cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != int(want) {
			t.Errorf("%v exited %d (%v), want %d", args, got, err, want)
		}
	}
	var errs strings.Builder
	run(fleet.ExitFailures, closedPipe(t), closedPipe(t), "run", "mixed.yaml", "--yes")
	run(fleet.ExitOK, closedPipe(t), &errs, "report", "--state", "mixed.db")
	run(fleet.ExitOK, closedPipe(t), &errs, "help")
	run(fleet.ExitOK, closedPipe(t), &errs, "plan", "mixed.yaml", "-o", "csv")
	if errs.Len() > 0 {
		t.Errorf("messages: %s", errs.String())
	}
	if code, out, _ := try(t, "status", "--state", filepath.Join(dir, "mixed.db")); code != fleet.ExitOK || !strings.HasPrefix(out, "RUN ") {
		t.Errorf("after the run: exit %d\n%s", code, out)
	}
}
