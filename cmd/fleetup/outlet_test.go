package main

import (
	"bytes"
	"fmt"
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
	if code, out, _ := try(t, "status", "--state", filepath.Join(dir, "mixed.db")); code != fleet.ExitOK ||
		!strings.HasPrefix(out, "RUN ") {
		t.Errorf("after the run: exit %d\n%s", code, out)
	}
}

// TestMessagesAreBounded: a name from outside may have any length, and no message has; a
// command is not cut, because who pastes the half of one does something else.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 1<<20)
	for _, c := range []struct {
		format string
		whole  bool
	}{
		{"warning: vault %s is odd", false}, {"fleetup: %s is not a ledger", false}, {"a\n  %s\nb", false},
		{"Next: fleetup status --state %s", true}, {"Next, to look: fleetup status --state %s", true},
	} {
		var b bytes.Buffer
		say(&b, c.format, name)
		if whole := b.Len() > 1<<20; whole != c.whole || !whole && b.Len() > 5<<10 {
			t.Errorf("%q prints %d bytes", c.format, b.Len())
		}
		b.Reset()
		if _, err := io.WriteString(fittingWriter{&b}, fmt.Sprintf(c.format, name)+"\n"); err != nil ||
			(b.Len() > 1<<20) != c.whole {
			t.Errorf("%q of the progress prints %d bytes, %v", c.format, b.Len(), err)
		}
	}
}
