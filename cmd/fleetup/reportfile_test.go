package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/report/layout"
	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// A report that cannot be written is told, with the command that writes it,
// and keeps none of the others from being written.
func TestReporterTellsWhatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var said bytes.Buffer
	good, bad := filepath.Join(dir, "night.json"), filepath.Join(dir, "gone", "night.md")
	r := &reporter{state: "fleet.db",
		say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
		files: []reportFile{{bad, bad, layout.FormatMarkdown, report.Report},
			{good, good, layout.FormatJSON, report.Report}}}
	r.write(&report.View{}, true)
	lines := strings.Split(said.String(), "\n")
	const next = "That changes nothing about the run; fleetup report -o markdown --state fleet.db writes it."
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "The report "+lexicon.Clean(bad)+" cannot be written: ") ||
		!strings.HasSuffix(lines[0], next) ||
		lines[1] != "Report: "+lexicon.Clean(good) {
		t.Errorf("it says\n%s", said.String())
	}
	said.Reset()
	r.write(&report.View{}, false)
	if said.Len() > 0 {
		t.Errorf("the next time it says that again:\n%s", said.String())
	}
	if data, err := os.ReadFile(good); err != nil || !strings.HasPrefix(string(data), "{") {
		t.Errorf("the other one holds %.20q, %v", data, err)
	}
}

// What cannot be written for one reason is told in one message, once in a run; a file
// that could be written meanwhile is told of anew.
func TestReporterTellsOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, "gone")
	var said []string
	r := &reporter{state: "fleet.db", say: func(format string,
		args ...any) {
		said = append(said, fmt.Sprintf(format, args...))
	}}
	for name, f := range map[string]layout.Format{"a.md": layout.FormatMarkdown, "b.json": layout.FormatJSON,
		"c.csv": layout.FormatCSV} {
		path := filepath.Join(folder, name)
		r.files = append(r.files, reportFile{path, path, f, report.Report})
	}
	slices.SortFunc(r.files, func(a, b reportFile) int { return strings.Compare(a.path, b.path) })
	for range 4 {
		r.write(&report.View{}, false)
	}
	r.write(&report.View{}, true)
	if len(said) != 1 || !strings.HasPrefix(said[0],
		"The reports "+r.files[0].path+", "+r.files[1].path+" and "+r.files[2].path+" cannot be written: ") ||
		!strings.HasSuffix(said[0],
			"; fleetup report -o markdown --state fleet.db, fleetup report -o json --state fleet.db, fleetup report "+
				"-o csv --state fleet.db write them.") {
		t.Errorf("it says\n%s", strings.Join(said, "\n"))
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if r.write(&report.View{}, false); len(said) != 1 {
		t.Errorf("what can be written again is told: %q", said[1:])
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if r.write(&report.View{}, false); len(said) != 2 {
		t.Errorf("what fails again after that is told in %d messages", len(said)-1)
	}
}
