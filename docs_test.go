package fleetup_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/azure/rsv"
	"github.com/fleetup-dev/fleetup/pkg/emulator"
	"github.com/fleetup-dev/fleetup/pkg/failpoint"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
	"github.com/fleetup-dev/fleetup/pkg/inventory"
)

var updateDocs = flag.Bool("update", false, "rewrite the generated parts of the documentation")

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReadmeHasTheExitCodes keeps the README's table equal to the program's.
func TestReadmeHasTheExitCodes(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	for _, m := range fleet.ExitCodes() {
		fmt.Fprintf(&want, "| %d | %s |\n", m.Code, m.Meaning)
	}
	if !strings.Contains(read(t, "README.md"), want.String()) {
		t.Errorf("README.md does not hold the table of exit codes:\n%s", want.String())
	}
}

// TestInventoriesInTheDocsAreGood parses every complete inventory that the
// documentation shows.
func TestInventoriesInTheDocsAreGood(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```yaml\n(apiVersion: .*?)```")
	found := 0
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(pages, "README.md") {
		for _, b := range blocks.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if _, err := inventory.Parse(file, []byte(b[1]), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
				rsv.Alerts().Spec, rsv.AlertsBack().Spec); err != nil {
				t.Errorf("%s shows an inventory that is refused:\n%v", file, err)
			}
		}
	}
	if found < 3 {
		t.Errorf("found %d inventories in the documentation, want 3", found)
	}
}

// TestInventoryDocHasEveryKey: what the schema knows, the page explains.
func TestInventoryDocHasEveryKey(t *testing.T) {
	t.Parallel()
	var schema map[string]any
	if err := json.Unmarshal([]byte(read(t, "docs/fleet.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	page, seen := read(t, "docs/inventory.md"), map[string]bool{}
	var visit func(any)
	visit = func(node any) {
		switch n := node.(type) {
		case []any:
			for _, e := range n {
				visit(e)
			}
		case map[string]any:
			for name, value := range n {
				if keys, ok := value.(map[string]any); ok && name == "properties" {
					for key := range keys {
						seen[key] = true
					}
				}
				visit(value)
			}
		}
	}
	visit(schema)
	for key := range seen {
		if !regexp.MustCompile("[`{ .,]" + regexp.QuoteMeta(key) + "[`}:,.]").MatchString(page) {
			t.Errorf("docs/inventory.md does not explain %s", key)
		}
	}
	if len(seen) < 50 {
		t.Errorf("found %d keys in the schema", len(seen))
	}
}

var pagesOfTheRoot = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}

// TestLinksOfTheDocs: every page and heading that is linked to is there.
func TestLinksOfTheDocs(t *testing.T) {
	t.Parallel()
	pages := pagesOfTheDocs(t)
	links := 0
	for _, page := range append(pages, pagesOfTheRoot...) {
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			path, heading, _ := strings.Cut(m[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if heading != "" && !slices.Contains(headings(read(t, target)), heading) {
				t.Errorf("%s links to %s, and there is no such heading", page, m[1])
			}
		}
	}
	if links < 60 {
		t.Errorf("found %d links", links)
	}
	index := read(t, "docs/README.md")
	for _, page := range pages {
		if name := strings.TrimPrefix(filepath.ToSlash(page), "docs/"); name != "README.md" &&
			!strings.Contains(index, "("+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
	}
}

// TestDesignHasTheMoves: the table of a vault's life is the program's.
func TestDesignHasTheMoves(t *testing.T) {
	t.Parallel()
	word := regexp.MustCompile(`[a-z]+`)
	statuses := func(text string) (all []fleet.Status) {
		for _, w := range word.FindAllString(text, -1) {
			if s := fleet.Status(w); slices.Contains(fleet.Statuses(), s) {
				all = append(all, s)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	_, life, ok := strings.Cut(read(t, "docs/design.md"), "\n## A vault's life\n")
	life, _, end := strings.Cut(life, "\n## ")
	if !ok || !end {
		t.Fatal("the design has no chapter of a vault's life")
	}
	got := map[fleet.Status][]fleet.Status{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z, ]+) \| ([^|]+) \|$`).FindAllStringSubmatch(life, -1) {
		for _, from := range statuses(m[1]) {
			got[from] = statuses(m[2])
		}
	}
	for _, from := range fleet.Statuses() {
		var want []fleet.Status
		for _, to := range fleet.Statuses() {
			if to != from && fleet.CanMove(from, to) {
				want = append(want, to)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got[from], want) {
			t.Errorf("from %s the design's table leads to %v, the program to %v", from, got[from], want)
		}
	}
}

// TestMakeTargetsOfTheDocs: a make target that is named is there.
func TestMakeTargetsOfTheDocs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, named := read(t, "Makefile"), 0
	for _, page := range append(pages, pagesOfTheRoot...) {
		for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)").FindAllStringSubmatch(read(t, page), -1) {
			named++
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is not in the Makefile", page, m[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("found %d targets", named)
	}
}

// headings are a page's, as links name them.
func headings(text string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(m[1]),
			""), " ", "-"))
	}
	return all
}

// TestEveryDependencyHasItsLine compares what the modules require with
// docs/dependencies.md.
func TestEveryDependencyHasItsLine(t *testing.T) {
	t.Parallel()
	var direct []string
	mods := read(t, "go.mod") + read(t, "engine/temporal/go.mod") + read(t, "engine/temporal/devserver/go.mod") +
		read(t, "internal/release/go.mod")
	for line := range strings.Lines(mods) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if m := regexp.MustCompile(`^(\S+\.\S+/?\S*) v\S+$`).FindStringSubmatch(line); m != nil &&
			m[1] != "github.com/fleetup-dev/fleetup" {
			direct = append(direct, m[1])
		}
		if m := regexp.MustCompile(`^tool (\S+)/cmd/`).FindStringSubmatch(line); m != nil {
			direct = append(direct, m[1])
		}
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(read(t, "docs/dependencies.md"),
		-1) {
		listed = append(listed, m[1])
	}
	slices.Sort(direct)
	direct = slices.Compact(direct)
	slices.Sort(listed)
	if !slices.Equal(direct, listed) {
		t.Errorf("go.mod requires   %v\ndependencies.md has %v", direct, listed)
	}
}

// TestEmulatorDocHasEveryFault keeps the table of faults current.
func TestEmulatorDocHasEveryFault(t *testing.T) {
	t.Parallel()
	const mark = "<!-- faults: kept current by a test -->\n"
	var table strings.Builder
	table.WriteString("\n| fault | vaults | what happens | parameters |\n|---|---|---|---|\n")
	for _, k := range emulator.FaultKinds() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", k.Kind, cmp.Or(string(k.Only), "all"), k.Summary,
			strings.Join(k.Params, ", "))
	}
	keep(t, "docs/emulator.md", mark, "", table.String())
}

// TestReliabilityDocHasEveryFailpoint keeps the table of failpoints current.
func TestReliabilityDocHasEveryFailpoint(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("\n| point | the process dies | what may have happened | what a resume does " +
		"|\n|---|---|---|---|\n")
	for _, m := range failpoint.Meanings() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Point, m.Where, m.Happened, m.Resume)
	}
	table.WriteString("\n")
	keep(t, "docs/reliability.md", "<!-- failpoints: kept current by a test -->\n", "<!-- end of the failpoints -->\n",
		table.String())
}

// keep demands a text between two marks of a document, to its end where the
// second is empty.
func keep(t *testing.T, path, from, to, want string) {
	t.Helper()
	head, tail, ok := strings.Cut(read(t, path), from)
	if !ok {
		t.Fatalf("%s has lost its mark %s", path, from)
	}
	rest := ""
	if to != "" {
		if tail, rest, ok = strings.Cut(tail, to); !ok {
			t.Fatalf("%s has lost its mark %s", path, to)
		}
	}
	if tail == want {
		return
	}
	if !*updateDocs {
		t.Fatalf("what %s has after %s is out of date: go test . -update", path, strings.TrimSpace(from))
	}
	if err := os.WriteFile(path, []byte(head+from+want+to+rest), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReliabilityNamesTestsThatExist: a promise stands with the test that
// proves it.
func TestReliabilityNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	exist := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				exist[f.Name.Name] = true
			}
		}
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`").FindAllStringSubmatch(read(t, "docs/reliability.md"), -1)
	if len(named) < 50 {
		t.Errorf("docs/reliability.md names %d tests", len(named))
	}
	for _, m := range named {
		if !exist[m[1]] {
			t.Errorf("docs/reliability.md names %s, which does not exist", m[1])
		}
	}
}

// TestWalkThrough: the kind that CONTRIBUTING.md adds is one that was compiled
// and tried.
func TestWalkThrough(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(read(t, "CONTRIBUTING.md"), "```go\n")
	code, _, ended := strings.Cut(rest, "```")
	if !ended || len(code) < 500 || !strings.Contains(read(t, "pkg/azure/rsv/walkthrough_test.go"), code) {
		t.Errorf("pkg/azure/rsv/walkthrough_test.go does not hold\n%s", code)
	}
}
