package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/report"
)

// shellWords parts a command line as a shell does, as far as the documentation
// goes: words, and texts in single or double quotes.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2]+m[3])
	}
	return words
}

// TestReportDoc runs every command that docs/report.md shows, in its order but
// for the run, which comes first, and keeps its lists current.
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

	dir := t.TempDir()
	fleets := os.DirFS("testdata/fleets")
	if err := os.CopyFS(dir, fleets); err != nil {
		t.Fatal(err)
	}
	inventory, err := os.ReadFile(filepath.Join(dir, "mixed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	inventory = []byte(strings.Replace(string(inventory), "name: prod\n", "name: prod\n    labels: {env: prod, team: payments}\n", 1))
	if err := os.WriteFile(filepath.Join(dir, "contoso.yaml"), inventory, 0o600); err != nil {
		t.Fatal(err)
	}
	place := func(words []string) []string {
		for i, w := range words {
			switch filepath.Ext(w) {
			case ".yaml", ".db", ".html", ".json":
				words[i] = filepath.Join(dir, w)
			}
		}
		return words
	}
	runs, reports := 0, 0
	for _, first := range []bool{true, false} {
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(doc, -1) {
			for line := range strings.Lines(block[1]) {
				words := place(shellWords(line))
				if isRun := words[1] == "run"; isRun != first {
					continue
				}
				if strings.Contains(line, "team!=") { // the fleet has one team
					words[len(words)-1] = "env=prod,team!=hr"
				}
				want, nothing := fleet.ExitOK, !first
				if first {
					want = fleet.ExitFailures
					runs++
				} else {
					reports++
				}
				code, stdout, stderr := try(t, words[1:]...)
				if code != want || stdout == "" || stdout == "null\n" || nothing && stderr != "" {
					t.Errorf("%s exits %d and says %q, %q", strings.TrimSpace(line), code, stdout, stderr)
				}
			}
		}
	}
	if runs != 1 || reports < 10 {
		t.Errorf("found %d runs and %d reports in docs/report.md", runs, reports)
	}
	for _, name := range []string{"night.html", "night.json"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func doNames() (names []string) {
	for _, d := range report.Dos() {
		names = append(names, string(d))
	}
	return names
}
