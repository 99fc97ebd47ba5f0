package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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
	if data, err := os.ReadFile(good); err != nil || !strings.HasPrefix(string(data), "{") {
		t.Errorf("the other one holds %.20q, %v", data, err)
	}
}
