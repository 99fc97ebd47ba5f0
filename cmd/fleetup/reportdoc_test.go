package main

import (
	"os"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/report"
	"github.com/fleetup-dev/fleetup/pkg/standing"
)

// TestReportDoc keeps the lists of docs/report.md current; TestDocs runs its
// commands.
func TestReportDoc(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	for mark, names := range map[string][]string{"columns": report.RunColumns(), "actions": doNames()} {
		_, rest, ok := strings.Cut(doc, "<!-- "+mark+": kept current by a test -->\n\n")
		list, _, _ := strings.Cut(rest, "\n\n<!-- end -->")
		if want := "`" + strings.Join(names, "` `") + "`"; !ok || list != want {
			t.Errorf("the list of %s in docs/report.md is\n%s\nwant\n%s", mark, list, want)
		}
	}
}

func doNames() (names []string) {
	for _, d := range standing.TaskKinds() {
		names = append(names, string(d))
	}
	return names
}
