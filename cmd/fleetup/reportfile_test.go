package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/report"
)

// A file is replaced by the whole of what comes next, or not at all, and
// nothing is left beside it.
func TestReplace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "night.md")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no more room")
	err := replace(path, func(w io.Writer) error {
		fmt.Fprint(w, "half of the n")
		if data, _ := os.ReadFile(path); string(data) != "old" {
			t.Errorf("a reader sees %q meanwhile", data)
		}
		return broken
	})
	if data, _ := os.ReadFile(path); !errors.Is(err, broken) || string(data) != "old" {
		t.Errorf("after a failure: %v, and the file holds %q", err, data)
	}
	if err := replace(path, func(w io.Writer) error { _, err := fmt.Fprint(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", fi.Mode(), err)
	}
	left, err := os.ReadDir(dir)
	if data, _ := os.ReadFile(path); string(data) != "new" || err != nil || len(left) != 1 {
		t.Errorf("it holds %q, and the folder %v, %v", data, left, err)
	}
}

// A report that cannot be written is told, with the command that writes it,
// and keeps none of the others from being written.
func TestReporterTellsWhatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var said bytes.Buffer
	good, bad := filepath.Join(dir, "night.json"), filepath.Join(dir, "gone", "night.md")
	r := &reporter{state: "fleet.db", say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
		files: []reportFile{{bad, bad, report.FormatMarkdown, report.Report}, {good, good, report.FormatJSON, report.Report}}}
	r.write(&report.View{}, true)
	lines := strings.Split(said.String(), "\n")
	const next = "That changes nothing about the run; fleetup report -o markdown --state fleet.db writes it."
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "The report "+report.Clean(bad)+" cannot be written: ") || !strings.HasSuffix(lines[0], next) ||
		lines[1] != "Report: "+report.Clean(good) {
		t.Errorf("it says\n%s", said.String())
	}
	if data, err := os.ReadFile(good); err != nil || !strings.HasPrefix(string(data), "{") {
		t.Errorf("the other one holds %.20q, %v", data, err)
	}
}
