//go:build unix

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fleetup-dev/fleetup/internal/textfile"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// TestOnlyFilesAreReplaced: a plan or an inventory saved to a device, such as the
// null device of a machine whose root runs the program, would put a file in the
// device's place. A pipe stands for one here, for which nobody must be root.
func TestOnlyFilesAreReplaced(t *testing.T) {
	t.Parallel()
	dir := copyFleets(t)
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		if err := textfile.Replace(textfile.Real(path), func(w io.Writer) error { return nil }); !errors.Is(err,
			textfile.ErrNotReplaced) {
			t.Errorf("%s was replaced: %v", path, err)
		}
		for _, args := range [][]string{
			{"plan", filepath.Join(dir, "fast.yaml"), "--out", path},
			{"inventory", "discover", "--cloud", "AzurePublic", "--target-resource-group", "rg", "--subscription",
				"53a3c692-5283-4f0a-baf6-49412f5ebefe", "--out", path},
		} {
			var errs strings.Builder
			e := &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs, messages: os.Stderr,
				interrupt: make(chan struct{})}
			if code := e.run(append([]string{"fleetup"}, args...)); code != fleet.ExitUsage ||
				!strings.Contains(errs.String(), textfile.ErrNotReplaced.Error()) {
				t.Errorf("%q: exit %d, %s", args, code, errs.String())
			}
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().IsRegular() {
			t.Errorf("%s is now %v, %v", path, fi.Mode(), err)
		}
	}
}
